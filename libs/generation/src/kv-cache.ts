import assert from 'node:assert/strict';
import { type Binding, Tensor } from '@diptych/onnxruntime';

/** Sizes of a KV cache. */
export interface KvCacheSizes {
  readonly slots: number;
  readonly layers: number;
  readonly kvHeads: number;
  /** Positions in a slot. */
  readonly capacity: number;
  readonly headDim: number;
}

/** What the cache needs of a binding. */
export type CacheBinding = Pick<Binding, 'bindInput' | 'bindOutput'>;

/**
 * Keys and values of every slot: for each layer one array of keys and one of values, `[slots, kvHeads, capacity,
 * headDim]` in float32. Neighbouring slots are neighbours in memory, so that any dense range of them is one tensor.
 *
 * The system gives memory to the arrays as positions are written, not before.
 */
export class KvCache {
  readonly sizes: KvCacheSizes;
  readonly #keys: readonly Float32Array[];
  readonly #values: readonly Float32Array[];
  readonly #lent: (Float32Array | undefined)[] = [];

  constructor(sizes: KvCacheSizes) {
    this.sizes = sizes;
    const length = sizes.slots * this.#slotLength;
    this.#keys = Array.from({ length: sizes.layers }, () => new Float32Array(length));
    this.#values = Array.from({ length: sizes.layers }, () => new Float32Array(length));
  }

  /**
   * Binds `count` slots from `first` on as a batch, past and present in the same memory. The tensors are the
   * caller's to dispose of.
   */
  bind(binding: CacheBinding, first: number, count: number): Tensor[] {
    return this.#keys.flatMap((keys, layer) => {
      const key = this.#tensor(keys, first, count);
      const value = this.#tensor(this.#values[layer], first, count);
      binding.bindInput(`past_key.${layer}`, key);
      binding.bindInput(`past_value.${layer}`, value);
      binding.bindOutput(`present_key.${layer}`, key);
      binding.bindOutput(`present_value.${layer}`, value);
      return [key, value];
    });
  }

  /**
   * Lets steps write anything to position 0 of a slot that only fills a gap in a batch: what it holds is put aside
   * until `reclaim`. Does nothing the second time.
   */
  lend(slot: number): void {
    if (this.#lent[slot] !== undefined) return;
    const { layers, kvHeads, headDim } = this.sizes;
    const kept = new Float32Array(2 * layers * kvHeads * headDim);
    this.#eachFirstRow(slot, (memory, start, index) => copy(memory, start, kept, index * headDim, headDim));
    this.#lent[slot] = kept;
  }

  /** Puts back what a slot held when it was lent. To be called before each step that counts. */
  reclaim(slot: number): void {
    const kept = this.#lent[slot];
    if (kept === undefined) return;
    const { headDim } = this.sizes;
    this.#eachFirstRow(slot, (memory, start, index) => copy(kept, index * headDim, memory, start, headDim));
    this.#lent[slot] = undefined;
  }

  /** Copies positions `[start, end)` of one slot into another, whatever either was lent for. */
  copy(from: number, to: number, { start, end }: { readonly start: number; readonly end: number }): void {
    this.reclaim(from);
    this.reclaim(to);
    const { kvHeads, capacity, headDim } = this.sizes;
    const row = (slot: number, head: number, position: number) =>
      ((slot * kvHeads + head) * capacity + position) * headDim;
    for (const memory of [...this.#keys, ...this.#values])
      for (let head = 0; head < kvHeads; head += 1)
        memory.copyWithin(row(to, head, start), row(from, head, start), row(from, head, end));
  }

  get #slotLength(): number {
    const { kvHeads, capacity, headDim } = this.sizes;
    return kvHeads * capacity * headDim;
  }

  #tensor(memory: Float32Array | undefined, first: number, count: number): Tensor {
    assert.ok(memory);
    const { kvHeads, capacity, headDim } = this.sizes;
    const slots = memory.subarray(first * this.#slotLength, (first + count) * this.#slotLength);
    return Tensor.over('float32', [count, kvHeads, capacity, headDim], slots);
  }

  /** Visits position 0 of each head in each array. */
  #eachFirstRow(slot: number, visit: (memory: Float32Array, start: number, index: number) => void): void {
    const { kvHeads, capacity, headDim } = this.sizes;
    [...this.#keys, ...this.#values].forEach((memory, array) => {
      for (let head = 0; head < kvHeads; head += 1)
        visit(memory, (slot * kvHeads + head) * capacity * headDim, array * kvHeads + head);
    });
  }
}

/** A loop, as making views costs more than copying one row. */
function copy(
  from: Float32Array,
  fromStart: number,
  to: Float32Array,
  toStart: number,
  length: number,
): void {
  for (let index = 0; index < length; index += 1) to[toStart + index] = from[fromStart + index] ?? 0;
}
