import assert from 'node:assert/strict';
import { kthLargest, largest } from './selection.ts';

/**
 * The tokens that a draw may choose, with their weights: unnormalised probabilities, the largest of them 1.
 *
 * Filters narrow the set as the warpers of transformers do (`TemperatureLogitsWarper`, `TopKLogitsWarper`,
 * `TopPLogitsWarper`, `MinPLogitsWarper`); call them in the order `select`, `keepTopP`, `keepMinP`. Token ids are
 * never sorted. One object serves one vocabulary size and keeps its buffers between draws.
 */
export class Candidates {
  /** Token ids left, ascending: the first `#count`. */
  readonly #ids: Uint32Array;
  /** The weight of each of `#ids`. */
  readonly #weights: Float64Array;
  readonly #scratch: Float64Array;
  #count = 0;

  constructor(vocabSize: number) {
    this.#ids = new Uint32Array(vocabSize);
    this.#weights = new Float64Array(vocabSize);
    this.#scratch = new Float64Array(vocabSize);
  }

  /** The token ids left, ascending. A view, valid until the next call. */
  get ids(): Uint32Array {
    return this.#ids.subarray(0, this.#count);
  }

  /**
   * Starts anew with the `topK` most likely tokens and those that tie with the last of them, or with all where
   * `topK` is 0; weighs them at `temperature`, above 0, and leaves out what has no probability.
   */
  select(
    logits: Float32Array,
    { temperature, topK }: { readonly temperature: number; readonly topK: number },
  ): void {
    const top = largest(logits);
    const isNarrow = topK > 0 && topK < logits.length;
    const lowest = isNarrow ? kthLargest(logits, topK, this.#scratch) : -Infinity;
    const ids = this.#ids;
    const weights = this.#weights;
    let count = 0;
    for (let id = 0; id < logits.length; id++) {
      const logit = logits[id] ?? 0;
      const weight = logit < lowest ? 0 : Math.exp((logit - top) / temperature);
      if (!(weight > 0)) continue;
      ids[count] = id;
      weights[count++] = weight;
    }
    this.#count = count;
  }

  /**
   * Keeps the fewest most likely tokens whose share reaches `p`; of equal tokens the lower id comes first (the
   * order that the reference leaves to its sort).
   *
   * A token whose share is below (1 - p) / count is put aside before weights are sorted: all such tokens
   * together have less than 1 - p, so the others reach `p` without them. One of average share stays, as for a `p` so
   * small that 1 - p rounds to 1 it may be the most likely one.
   */
  keepTopP(p: number): void {
    const total = this.#total();
    const negligible = (total * (1 - p)) / this.#count;
    this.#keep((weight) => weight >= negligible);
    const { smallest, ties } = this.#nucleus(p * total);
    let tiesLeft = ties;
    this.#keep((weight) => weight > smallest || (weight === smallest && tiesLeft-- > 0));
  }

  /** Drops tokens less likely than `share` of the most likely one. */
  keepMinP(share: number): void {
    this.#keep((weight) => weight >= share);
  }

  /** The token at which the running share of the weights passes `uniform`, a number in [0, 1). */
  draw(uniform: number): number {
    assert.ok(this.#count > 0, 'no token is left to choose');
    const target = uniform * this.#total();
    let sum = 0;
    for (let i = 0; i < this.#count; i++) {
      sum += this.#weights[i] ?? 0;
      if (sum > target) return this.#ids[i] ?? 0;
    }
    return this.#ids[this.#count - 1] ?? 0;
  }

  #keep(accept: (weight: number) => boolean): void {
    const ids = this.#ids;
    const weights = this.#weights;
    const count = this.#count;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const weight = weights[i] ?? 0;
      if (!accept(weight)) continue;
      ids[kept] = ids[i] ?? 0;
      weights[kept++] = weight;
    }
    this.#count = kept;
  }

  #total(): number {
    const weights = this.#weights;
    const count = this.#count;
    let total = 0;
    for (let i = 0; i < count; i++) total += weights[i] ?? 0;
    return total;
  }

  /** The smallest weight of the heaviest tokens that reach `mass` together, and how many of them have it. */
  #nucleus(mass: number): { readonly smallest: number; readonly ties: number } {
    const sorted = this.#scratch.subarray(0, this.#count);
    sorted.set(this.#weights.subarray(0, this.#count));
    sorted.sort();
    let sum = 0;
    let smallest = Infinity;
    let ties = 0;
    for (let i = sorted.length - 1; i >= 0 && sum < mass; i--) {
      const weight = sorted[i] ?? 0;
      ties = weight === smallest ? ties + 1 : 1;
      smallest = weight;
      sum += weight;
    }
    return { smallest, ties };
  }
}
