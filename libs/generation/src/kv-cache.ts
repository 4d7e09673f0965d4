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
    const rows = this.#firstRows(slot);
    const kept = new Float32Array(rows.length * this.sizes.headDim);
    rows.forEach((row, index) => kept.set(row, index * this.sizes.headDim));
    this.#lent[slot] = kept;
  }

  /** Puts back what a slot held when it was lent. To be called before each step that counts. */
  reclaim(slot: number): void {
    const kept = this.#lent[slot];
    if (kept === undefined) return;
    const { headDim } = this.sizes;
    this.#firstRows(slot).forEach((row, index) =>
      row.set(kept.subarray(index * headDim, (index + 1) * headDim)),
    );
    this.#lent[slot] = undefined;
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

  /** Position 0 of each head in each array. */
  #firstRows(slot: number): Float32Array[] {
    const { kvHeads, capacity, headDim } = this.sizes;
    const starts = Array.from({ length: kvHeads }, (_, head) => (slot * kvHeads + head) * capacity * headDim);
    return [...this.#keys, ...this.#values].flatMap((memory) =>
      starts.map((start) => memory.subarray(start, start + headDim)),
    );
  }
}
