import assert from 'node:assert/strict';
import { openSession } from '@diptych/models';
import { type Session, type SessionOptions, Tensor } from '@diptych/onnxruntime';
import type { CopyStep, DecodeEntry, Decoder, PrefillStep } from './decoder-interface.ts';
import { KvCache } from './kv-cache.ts';
import { SlotRange } from './slot-range.ts';

/** What a decoder is made of. */
export interface OnnxDecoderOptions {
  /** The language graph of a compiled model. */
  readonly graphPath: string;
  /** Sequences that can be under way at once. */
  readonly slots: number;
  /** Tokens of a slot, prompt and answer together: at most the model's context. */
  readonly capacity: number;
  readonly session?: SessionOptions | undefined;
}

/**
 * Bindings that are kept, the most recently used ones. There is one for each pair of first and last slot; a decoder
 * of 10 slots keeps them all, one of more rebinds a range that it has not used for long.
 */
const KEPT_RANGES = 64;

/**
 * A decoder over ONNX Runtime with the KV cache in place.
 *
 * Prefill runs one slot. Decode runs the dense range from the first to the last active slot as one batch; an idle slot
 * in between takes a filler token at position 0, whose trace is put aside before and undone when the slot is used
 * again. Owns session and cache: `layers × slots × kvHeads × capacity × headDim × 8` bytes once every position is used.
 */
export class OnnxDecoder implements Decoder {
  readonly slots: number;
  readonly capacity: number;
  readonly vocabSize: number;
  readonly #hiddenSize: number;
  readonly #session: Session;
  readonly #cache: KvCache;
  readonly #ranges = new Map<number, SlotRange>();
  readonly #noImages: ImageTensors;
  /** Positions whose logits are asked for, by how many they are. */
  readonly #logitRows: (LogitRows | undefined)[] = [];
  #features = new Float32Array(0);
  #logits: Tensor | undefined;
  #lastStep: Promise<unknown> = Promise.resolve();

  /** Takes over a session of a language graph. */
  constructor(session: Session, { slots, capacity }: { readonly slots: number; readonly capacity: number }) {
    const sizes = graphSizes(session);
    this.slots = slots;
    this.capacity = capacity;
    this.vocabSize = sizes.vocabSize;
    this.#hiddenSize = sizes.hiddenSize;
    this.#session = session;
    this.#cache = new KvCache({ slots, capacity, ...sizes });
    this.#noImages = imageTensors(new Float32Array(0), new Int32Array(0), sizes.hiddenSize);
  }

  /**
   * Loads a compiled language graph.
   *
   * @throws DiptychError `compiled_model_corrupt` or `runtime_failed`, as `Session.load`.
   */
  static async load({ graphPath, session, ...sizes }: OnnxDecoderOptions): Promise<OnnxDecoder> {
    return new OnnxDecoder(await openSession(graphPath, session), sizes);
  }

  prefill(step: PrefillStep): Promise<void> {
    return this.#inOrder(() => this.#prefill(step));
  }

  decode(entries: readonly DecodeEntry[], logits: Float32Array): Promise<void> {
    return this.#inOrder(() => this.#decode(entries, logits));
  }

  copy({ from, to, ...positions }: CopyStep): Promise<void> {
    for (const slot of [from, to]) this.#assertFits(slot, positions.start, positions.end - positions.start);
    return this.#inOrder(() => Promise.resolve(this.#cache.copy(from, to, positions)));
  }

  /** Frees the session, at once or when the step that is under way ends. Steps after it throw. */
  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
    for (const range of this.#ranges.values()) range[Symbol.dispose]();
    for (const rows of this.#logitRows) rows?.tensor[Symbol.dispose]();
    this.#noImages[Symbol.dispose]();
    this.#logits?.[Symbol.dispose]();
  }

  async #prefill({ slot, past, ids, images, logits }: PrefillStep): Promise<void> {
    this.#assertFits(slot, past, ids.length);
    assert.ok(ids.length > 0, 'a prefill step has at least one token');
    this.#cache.reclaim(slot);
    const range = this.#range(slot, slot);
    range.clear();
    const stepIds = this.#paddedIds(past, ids);
    range.setLength(slot, past + stepIds.length);
    using tokens = Tensor.over('int64', [1, stepIds.length], stepIds);
    using features = imageTensors(this.#ownFeatures(images.rows), images.positions, this.#hiddenSize);
    range.binding.bindInput('input_ids', tokens);
    features.bind(range);
    const rows = (logits?.length ?? 0) / this.vocabSize;
    assert.ok(Number.isInteger(rows) && rows <= ids.length, 'logits are whole rows of positions in the step');
    this.#useLogitRows(Array.from({ length: rows }, (_, row) => ids.length - rows + row));
    this.#bindLogits(range, logits ?? new Float32Array(0), rows);
    await this.#session.run(range.binding);
  }

  /**
   * A step of one token gets a second one behind it where there is room. The attention kernel adds up in another order
   * for one row than for several, which would show in the last bits that the prompt was cut there. What the second
   * token leaves behind lies after the sequence's end.
   */
  #paddedIds(past: number, ids: Int32Array): BigInt64Array<ArrayBuffer> {
    const pads = ids.length === 1 && past + 1 < this.capacity;
    return BigInt64Array.from(pads ? [...ids, FILLER_ID] : ids, BigInt);
  }

  async #decode(entries: readonly DecodeEntry[], logits: Float32Array): Promise<void> {
    const slots = entries.map(({ slot }) => slot);
    assert.equal(new Set(slots).size, slots.length, 'a slot occurs once in a step');
    if (slots.length === 0) return;
    const range = this.#range(Math.min(...slots), Math.max(...slots));
    range.clear();
    entries.forEach(({ slot, past, id }) => {
      this.#assertFits(slot, past, 1);
      range.ids[slot - range.first] = BigInt(id);
      range.setLength(slot, past + 1);
    });
    this.#useLogitRows(entries.map(({ slot }) => slot - range.first));
    this.#lendAllBut(new Set(slots), range);
    range.bindIds();
    this.#noImages.bind(range);
    this.#bindLogits(range, logits, entries.length);
    await this.#session.run(range.binding);
  }

  #lendAllBut(active: ReadonlySet<number>, { first, count }: SlotRange): void {
    for (let slot = first; slot < first + count; slot += 1)
      if (active.has(slot)) this.#cache.reclaim(slot);
      else this.#cache.lend(slot);
  }

  #range(first: number, last: number): SlotRange {
    const key = first * this.slots + last;
    const range =
      this.#ranges.get(key) ?? new SlotRange(this.#session, this.#cache, { first, count: last - first + 1 });
    this.#ranges.delete(key);
    this.#ranges.set(key, range);
    this.#dropOldestRange();
    return range;
  }

  #dropOldestRange(): void {
    if (this.#ranges.size <= KEPT_RANGES) return;
    for (const [key, range] of this.#ranges) {
      this.#ranges.delete(key);
      range[Symbol.dispose]();
      return;
    }
  }

  /** Sets the positions, among those of the step, whose logits are asked for. */
  #useLogitRows(positions: readonly number[]): void {
    const { memory } = (this.#logitRows[positions.length] ??= logitRows(positions.length));
    positions.forEach((position, row) => (memory[row] = BigInt(position)));
  }

  #bindLogits({ binding }: SlotRange, logits: Float32Array, rows: number): void {
    const positions = this.#logitRows[rows];
    assert.ok(positions);
    binding.bindInput('logit_positions', positions.tensor);
    binding.bindOutput('logits', this.#logitsTensor(logits, rows));
  }

  /** A tensor over the caller's rows, kept for the next step of the same. */
  #logitsTensor(logits: Float32Array, rows: number): Tensor {
    const { data, shape } = this.#logits ?? {};
    if (
      this.#logits &&
      data?.buffer === logits.buffer &&
      data.byteOffset === logits.byteOffset &&
      shape?.[0] === rows
    )
      return this.#logits;
    this.#logits?.[Symbol.dispose]();
    const memory = logits.subarray(0, rows * this.vocabSize);
    this.#logits = Tensor.over('float32', [rows, this.vocabSize], memory);
    return this.#logits;
  }

  /** A copy in memory that is kept: a binding outlives the step, and shall not hold on to a request's images. */
  #ownFeatures(rows: Float32Array): Float32Array {
    if (this.#features.length < rows.length) this.#features = new Float32Array(rows.length);
    this.#features.set(rows);
    return this.#features.subarray(0, rows.length);
  }

  #inOrder(step: () => Promise<void>): Promise<void> {
    const result = this.#lastStep.then(step);
    this.#lastStep = result.catch(() => undefined);
    return result;
  }

  #assertFits(slot: number, past: number, tokens: number): void {
    assert.ok(Number.isInteger(slot) && slot >= 0 && slot < this.slots, `slot ${slot} of ${this.slots}`);
    assert.ok(past >= 0 && past + tokens <= this.capacity, `${past} + ${tokens} tokens in ${this.capacity}`);
  }
}

interface LogitRows {
  readonly memory: BigInt64Array<ArrayBuffer>;
  readonly tensor: Tensor;
}

function logitRows(count: number): LogitRows {
  const memory = new BigInt64Array(count);
  return { memory, tensor: Tensor.over('int64', [count], memory) };
}

interface ImageTensors extends Disposable {
  bind(range: SlotRange): void;
}

function imageTensors(rows: Float32Array, positions: Int32Array, hiddenSize: number): ImageTensors {
  const features = Tensor.over('float32', [positions.length, hiddenSize], rows);
  const places = Tensor.over('int64', [positions.length, 1], BigInt64Array.from(positions, BigInt));
  return {
    bind: ({ binding }) => {
      binding.bindInput('image_features', features);
      binding.bindInput('image_positions', places);
    },
    [Symbol.dispose]: () => {
      features[Symbol.dispose]();
      places[Symbol.dispose]();
    },
  };
}

/** Any token of the vocabulary: nobody reads what follows from it. */
const FILLER_ID = 0;

/** What the inputs and outputs of a language graph tell of the model. */
function graphSizes({ inputs, outputs }: Session) {
  const dimension = (values: Session['inputs'], name: string, axis: number): number => {
    const size = values.find((value) => value.name === name)?.shape[axis];
    assert.ok(typeof size === 'number', `the graph gives no size of ${name}, axis ${axis}`);
    return size;
  };
  return {
    layers: inputs.filter(({ name }) => name.startsWith('past_key.')).length,
    kvHeads: dimension(inputs, 'past_key.0', 1),
    headDim: dimension(inputs, 'past_key.0', 3),
    hiddenSize: dimension(inputs, 'image_features', 1),
    vocabSize: dimension(outputs, 'logits', 1),
  };
}
