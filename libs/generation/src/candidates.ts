import assert from 'node:assert/strict';
import { BLOCK } from './kernels/logit-kernels.ts';
import { type LogitRow, NOTHING_LEFT } from './logit-row.ts';
import { kthLargest } from './selection.ts';

/** What narrows a choice before weights are looked at. */
export interface Selection {
  /** Divides logits; above 0. */
  readonly temperature: number;
  /** Keeps the k most likely tokens and those that tie with the last of them; 0 keeps all. */
  readonly topK: number;
  /** Tokens less likely than this times the most likely one need not be looked at; `keepMinP` drops them. */
  readonly minP: number;
}

/**
 * The tokens that a draw may choose, with their weights: unnormalised probabilities, the largest of them 1.
 *
 * Filters narrow the set as the warpers of transformers do (`TemperatureLogitsWarper`, `TopKLogitsWarper`,
 * `TopPLogitsWarper`, `MinPLogitsWarper`); call them in the order `select`, `keepTopP`, `keepMinP`. Token ids are
 * never sorted. One object serves one row and keeps its buffers between draws.
 */
export class Candidates {
  readonly #row: LogitRow;
  /** The upper half of each weight: sign, exponent, and the first bits of the fraction. */
  readonly #upperHalves: Uint32Array;
  readonly #sorted: Float64Array;
  readonly #shares = new Float64Array(LAST_SHARE + 1);
  /** Token ids left, ascending; `undefined`: all. Their weights are the row's first ones. */
  #ids: Uint32Array | undefined;
  #count = 0;
  #total = 0;
  /** Whether the row's sums and peaks are those of the weights. */
  #hasBlocks = false;

  constructor(row: LogitRow) {
    const { buffer, byteOffset, length } = row.weights;
    this.#row = row;
    this.#upperHalves = new Uint32Array(buffer, byteOffset, 2 * length);
    this.#sorted = new Float64Array(length);
  }

  /** The token ids left, ascending. A view, valid until the next call. */
  get ids(): Uint32Array {
    return this.#ids ?? Uint32Array.from({ length: this.#count }, (_, id) => id);
  }

  /** Starts anew with the row's tokens. */
  select({ temperature, topK, minP }: Selection): void {
    const row = this.#row;
    const { top } = row;
    const isNarrow = topK > 0 && topK < row.values.length;
    const lowest = Math.max(
      isNarrow ? row.lowerBound(topK) : -Infinity,
      minP > 0 ? top + temperature * Math.log(minP) - ROUNDING * (1 + Math.abs(top)) : -Infinity,
    );
    this.#ids = isNarrow || lowest > -Infinity ? this.#pick(lowest, isNarrow ? topK : Infinity) : undefined;
    this.#count = this.#ids?.length ?? row.values.length;
    this.#total = this.#ids
      ? row.weighPicked(this.#count, { top, temperature })
      : row.weigh({ top, temperature });
    this.#hasBlocks = true;
  }

  /**
   * Keeps the fewest most likely tokens whose share reaches `p`; of equal tokens the lower id comes first (the
   * order that the reference leaves to its sort).
   *
   * A token whose share is below (1 - p) / count is put aside before: all such tokens together have less than 1 - p,
   * so the others reach `p` without them. One of average share stays, as for a `p` so small that 1 - p rounds to 1 it
   * may be the most likely one.
   */
  keepTopP(p: number): void {
    const total = this.#total;
    this.#keep((total * (1 - p)) / this.#count);
    const { smallest, ties } = this.#nucleus(p * total);
    this.#keep(smallest, ties);
  }

  /** Drops tokens less likely than `share` of the most likely one. */
  keepMinP(share: number): void {
    this.#keep(share);
  }

  /** The token at which the running share of the weights passes `uniform`, a number in [0, 1). */
  draw(uniform: number): number {
    assert.ok(this.#total > 0, NOTHING_LEFT);
    const { weights, sums } = this.#row;
    const target = uniform * this.#total;
    const block = this.#hasBlocks ? Math.max(0, firstAbove(sums, target, this.#count)) : 0;
    let sum = block === 0 ? 0 : (sums[block - 1] ?? 0);
    for (let i = block * BLOCK; i < this.#count; i++) {
      sum += weights[i] ?? 0;
      if (sum > target) return this.#idAt(i);
    }
    return this.#idAt(weights.subarray(0, this.#count).findLastIndex((weight) => weight > 0));
  }

  /** The ids of the `topK` largest logits among those of at least `lowest`, and of their ties; fills `picked`. */
  #pick(lowest: number, topK: number): Uint32Array {
    const { picked, values, weights } = this.#row;
    const ids = this.#row.idsAtLeast(lowest);
    for (let i = 0; i < ids.length; i++) picked[i] = values[ids[i] ?? 0] ?? 0;
    if (ids.length <= topK) return ids;
    const limit = kthLargest(picked.subarray(0, ids.length), topK, weights);
    let kept = 0;
    for (let i = 0; i < ids.length; i++) {
      const logit = picked[i] ?? 0;
      if (logit < limit) continue;
      ids[kept] = ids[i] ?? 0;
      picked[kept++] = logit;
    }
    return ids.subarray(0, kept);
  }

  /** Keeps weights above `limit`, and the first `ties` of those that equal it. */
  #keep(limit: number, ties = Infinity): void {
    const { weights, peaks, ids } = this.#row;
    let tiesLeft = ties;
    let kept = 0;
    let total = 0;
    for (let i = 0; i < this.#count; i++) {
      if (this.#hasBlocks && i % BLOCK === 0 && (peaks[i / BLOCK] ?? 0) < limit) {
        i += BLOCK - 1;
        continue;
      }
      const weight = weights[i] ?? 0;
      if (weight < limit || (weight === limit && tiesLeft-- <= 0)) continue;
      ids[kept] = this.#idAt(i);
      weights[kept++] = weight;
      total += weight;
    }
    this.#ids = ids.subarray(0, kept);
    this.#count = kept;
    this.#total = total;
    this.#hasBlocks = false;
  }

  #idAt(index: number): number {
    return this.#ids ? (this.#ids[index] ?? 0) : index;
  }

  /**
   * The smallest weight of the heaviest tokens that reach `mass` together, and how many of them have it. Weights are
   * added up by their leading bits first, so that only those are sorted among which `mass` is reached.
   */
  #nucleus(mass: number): { readonly smallest: number; readonly ties: number } {
    const shares = this.#sumShares();
    let sum = 0;
    let share = 0;
    while (share < LAST_SHARE && sum + (shares[share] ?? 0) < mass) sum += shares[share++] ?? 0;
    const sorted = this.#sortShare(share);
    let smallest = 0;
    let ties = Infinity;
    for (let i = sorted.length - 1; i >= 0 && sum < mass; i--) {
      const weight = sorted[i] ?? 0;
      ties = weight === smallest ? ties + 1 : 1;
      smallest = weight;
      sum += weight;
    }
    return { smallest, ties };
  }

  /** The sums of the weights that have the same leading bits, the heaviest first. */
  #sumShares(): Float64Array {
    const shares = this.#shares.fill(0);
    const { weights } = this.#row;
    for (let i = 0; i < this.#count; i++) {
      const share = this.#shareAt(i);
      shares[share] = (shares[share] ?? 0) + (weights[i] ?? 0);
    }
    return shares;
  }

  #sortShare(share: number): Float64Array {
    const { weights } = this.#row;
    let count = 0;
    for (let i = 0; i < this.#count; i++)
      if (this.#shareAt(i) === share) this.#sorted[count++] = weights[i] ?? 0;
    return this.#sorted.subarray(0, count).sort();
  }

  #shareAt(index: number): number {
    return Math.min(LAST_SHARE, LEADING_BITS_OF_1 - ((this.#upperHalves[2 * index + 1] ?? 0) >>> 16));
  }
}

/** Of float64: sign, exponent, and four bits of the fraction. */
const LEADING_BITS_OF_1 = 0x3ff0;

/** The last share takes all weights below 2^-64: 16 shares for each power of 2. */
const LAST_SHARE = 64 * 16;

/** More than what the logarithm and the logits' own rounding may be off. */
const ROUNDING = 1e-6;

/** The first block whose sum is above `target`, or -1, of blocks that hold the first `count` weights. */
function firstAbove(sums: Float64Array, target: number, count: number): number {
  let low = 0;
  let high = Math.ceil(count / BLOCK);
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? 0) > target) high = middle;
    else low = middle + 1;
  }
  return low;
}
