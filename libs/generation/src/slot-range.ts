import { type Binding, type Session, Tensor } from '@diptych/onnxruntime';
import type { KvCache } from './kv-cache.ts';

/**
 * A dense range of slots that runs as one batch: the binding of its part of the KV cache, and the inputs that say
 * how long each sequence is. Made once and kept, as binding a cache costs as much as a step of a small model.
 */
export class SlotRange implements Disposable {
  readonly first: number;
  readonly count: number;
  readonly binding: Binding;
  /** One id for each slot, of a decode step. */
  readonly ids: BigInt64Array<ArrayBuffer>;
  readonly #lengths: Int32Array<ArrayBuffer>;
  readonly #total = new Int32Array(1);
  readonly #idsTensor: Tensor;
  readonly #tensors: readonly Tensor[];

  constructor(
    session: Session,
    cache: KvCache,
    { first, count }: { readonly first: number; readonly count: number },
  ) {
    this.first = first;
    this.count = count;
    this.ids = new BigInt64Array(count);
    this.#lengths = new Int32Array(count);
    this.binding = session.createBinding();
    this.#idsTensor = Tensor.over('int64', [count, 1], this.ids);
    const lengths = Tensor.over('int32', [count], this.#lengths);
    const total = Tensor.over('int32', [1], this.#total);
    this.binding.bindInput('seqlens_k', lengths);
    this.binding.bindInput('total_sequence_length', total);
    this.#tensors = [this.#idsTensor, lengths, total, ...cache.bind(this.binding, first, count)];
  }

  /** Makes every slot a filler: an arbitrary token alone at position 0. */
  clear(): void {
    this.ids.fill(0n);
    this.#lengths.fill(0);
    this.#total.fill(1);
  }

  /** Sets the tokens that a slot holds after the step. */
  setLength(slot: number, length: number): void {
    this.#lengths[slot - this.first] = length - 1;
    this.#total[0] = Math.max(this.#total[0] ?? 1, length);
  }

  /** Binds `ids` as the step's tokens, one for each slot. */
  bindIds(): void {
    this.binding.bindInput('input_ids', this.#idsTensor);
  }

  [Symbol.dispose](): void {
    this.binding[Symbol.dispose]();
    for (const tensor of this.#tensors) tensor[Symbol.dispose]();
  }
}
