import assert from 'node:assert/strict';
import { type Kernel, KernelMemory } from '@diptych/wasm';
import { BLOCK, LOGIT_KERNELS } from './kernels/logit-kernels.ts';
import { kthLargest, largest } from './selection.ts';

/** How logits are weighed. */
export interface Weighing {
  /** The largest logit: its weight is 1. */
  readonly top: number;
  /** Above 0. */
  readonly temperature: number;
}

/**
 * The logits of one position as the sampler looks at them: with the largest of each block of `BLOCK`, so that most
 * questions are answered by a look at few of them. What has to go over the whole vocabulary is a WebAssembly kernel
 * on four or two numbers at once. One object serves one vocabulary size and keeps its memory between rows.
 */
export class LogitRow {
  /** A copy of the logits. Only read. */
  readonly values: Float32Array;
  /** exp((logit - top) / temperature) of what was weighed last. */
  readonly weights: Float64Array;
  /** For each block of `weights` the sum of all up to its end, added up in order. */
  readonly sums: Float64Array;
  /** For each block of `weights` its largest. */
  readonly peaks: Float64Array;
  /** Room for some of the logits, to be weighed by themselves. */
  readonly picked: Float32Array;
  /** Room for token ids. */
  readonly ids: Uint32Array;
  readonly #kernels: Readonly<Record<'scan' | 'weigh', Kernel>>;
  readonly #maxima: Float32Array;
  readonly #scratch: Float64Array;
  readonly #tail: Float32Array;

  constructor(vocabSize: number) {
    const blocks = Math.ceil(vocabSize / BLOCK);
    const memory = new KernelMemory(BYTES_OF_BLOCK * blocks + SPARE_BYTES);
    this.values = memory.float32(vocabSize);
    this.weights = memory.float64(blocks * BLOCK);
    this.sums = memory.float64(blocks);
    this.peaks = memory.float64(blocks);
    this.picked = memory.float32(vocabSize);
    this.#maxima = memory.float32(blocks);
    this.#tail = memory.float32(BLOCK);
    this.ids = new Uint32Array(vocabSize);
    this.#scratch = new Float64Array(blocks);
    this.#kernels = memory.instantiate(LOGIT_KERNELS);
  }

  /** The largest logit. */
  get top(): number {
    return largest(this.#maxima);
  }

  /** Takes a row of logits, which is copied. False where one is not a finite number: then nothing else may be asked. */
  load(logits: Float32Array): boolean {
    this.values.set(logits);
    return this.#scan();
  }

  /** Changes the logits, among which -Infinity is allowed from then on. */
  change(edit: (logits: Float32Array) => void): void {
    edit(this.values);
    this.#scan();
  }

  /** The lowest id of the largest logit. */
  argmax(): number {
    const { top } = this;
    assert.ok(top > -Infinity, NOTHING_LEFT);
    const id = this.values.indexOf(top, this.#maxima.indexOf(top) * BLOCK);
    assert.ok(id >= 0, NOTHING_LEFT);
    return id;
  }

  /** A number that at least `count` logits reach: mostly not far below the `count`-th largest. */
  lowerBound(count: number): number {
    return count > this.#maxima.length ? -Infinity : kthLargest(this.#maxima, count, this.#scratch);
  }

  /** The ids of all logits of at least `lowest`, ascending: a view of `ids`. */
  idsAtLeast(lowest: number): Uint32Array {
    const { ids, values } = this;
    let count = 0;
    for (let block = 0; block < this.#maxima.length; block++) {
      if ((this.#maxima[block] ?? 0) < lowest) continue;
      const end = Math.min((block + 1) * BLOCK, values.length);
      for (let id = block * BLOCK; id < end; id++) if ((values[id] ?? 0) >= lowest) ids[count++] = id;
    }
    return ids.subarray(0, count);
  }

  /** Weighs all logits. Returns the sum of the weights, which are 0 after the last logit. */
  weigh(weighing: Weighing): number {
    return this.#weigh(this.values, weighing);
  }

  /** Weighs the first `count` of `picked`. */
  weighPicked(count: number, weighing: Weighing): number {
    return this.#weigh(this.picked.subarray(0, count), weighing);
  }

  #scan(): boolean {
    const { scan } = this.#kernels;
    let bad = 0;
    this.#eachPart(this.values, -LARGEST_FLOAT32, ({ start, end, block }) => {
      bad += scan(start, end, this.#maxima.byteOffset + 4 * block);
    });
    return bad === 0;
  }

  #weigh(values: Float32Array, { top, temperature }: Weighing): number {
    const { weigh } = this.#kernels;
    let total = 0;
    this.#eachPart(values, -Infinity, ({ start, end, block }) => {
      const weights = this.weights.byteOffset + 8 * block * BLOCK;
      const sums = this.sums.byteOffset + 8 * block;
      const peaks = this.peaks.byteOffset + 8 * block;
      total = weigh(start, end, weights, sums, peaks, top, temperature, total);
    });
    return total;
  }

  /** The kernels take whole blocks: what is left over is one of its own, filled up with what changes nothing. */
  #eachPart(values: Float32Array, filler: number, run: (part: Part) => void): void {
    const { length, byteOffset } = values;
    const blocks = Math.floor(length / BLOCK);
    if (blocks > 0) run({ start: byteOffset, end: byteOffset + 4 * BLOCK * blocks, block: 0 });
    if (blocks * BLOCK === length) return;
    const start = this.#fillTail(values.subarray(blocks * BLOCK), filler);
    run({ start, end: start + 4 * BLOCK, block: blocks });
  }

  #fillTail(values: Float32Array, filler: number): number {
    this.#tail.fill(filler);
    this.#tail.set(values);
    return this.#tail.byteOffset;
  }
}

/** Whole blocks in the kernels' memory, by address; `block` is the index of the first. */
interface Part {
  readonly start: number;
  readonly end: number;
  readonly block: number;
}

/** What is said where every token is banned. */
export const NOTHING_LEFT = 'no token is left to choose';

/** Of a block: logits, weights, picked logits, sum, peak and maximum. */
const BYTES_OF_BLOCK = 16 * BLOCK + 20;

/** The tail, and what arrays lose to alignment. */
const SPARE_BYTES = 4 * BLOCK + 8 * 16;

const LARGEST_FLOAT32 = (2 - 2 ** -23) * 2 ** 127;
