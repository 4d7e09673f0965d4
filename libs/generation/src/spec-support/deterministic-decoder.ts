import assert from 'node:assert/strict';
import type { CopyStep, DecodeEntry, Decoder, PrefillStep } from '../decoder-interface.ts';

/** One call, as a spec's hook sees it. */
export type DecoderCall =
  | { readonly kind: 'copy'; readonly step: CopyStep }
  | { readonly kind: 'prefill'; readonly step: PrefillStep }
  | { readonly kind: 'decode'; readonly entries: readonly DecodeEntry[]; readonly logits: Float32Array };

/**
 * A decoder without a model: what a position holds is a hash of the position before and of the token (or feature
 * row) there, and logits are a hash of that. So logits are a pure function of a slot's history, and any step over
 * wrong, stale or missing contents changes all tokens after it. What a decode step leaves differs from what prefilling
 * the same token leaves, as real kernels may differ in the last bits; with `exact` they are the same.
 */
export class DeterministicDecoder implements Decoder {
  readonly slots: number;
  readonly capacity: number;
  readonly vocabSize: number;
  readonly calls: DecoderCall[] = [];
  /** Called when a call starts and awaited; what it throws is the call's error. */
  before: (call: DecoderCall) => Promise<void> | void = () => undefined;
  /** Called before a call returns. */
  after: (call: DecoderCall) => void = () => undefined;
  readonly #decoded: number;
  readonly #states: Uint32Array[];
  readonly #lengths: number[];
  #busy = false;

  constructor({ slots = 4, capacity = 64, vocabSize = 32, exact = false } = {}) {
    this.#decoded = exact ? 0 : DECODED;
    this.slots = slots;
    this.capacity = capacity;
    this.vocabSize = vocabSize;
    this.#states = Array.from({ length: slots }, () => new Uint32Array(capacity));
    this.#lengths = Array.from({ length: slots }, () => 0);
  }

  async prefill(step: PrefillStep): Promise<void> {
    await this.#exclusively({ kind: 'prefill', step }, () => {
      const { slot, past, ids, images, logits } = step;
      assert.ok(ids.length > 0);
      const hidden = images.positions.length === 0 ? 0 : images.rows.length / images.positions.length;
      ids.forEach((id, i) => {
        const row = images.positions.indexOf(i);
        const input = row === -1 ? id : hashAll(images.rows.subarray(row * hidden, (row + 1) * hidden));
        this.#write(slot, past + i, input);
      });
      if (logits) this.#fill(slot, logits);
    });
  }

  async decode(entries: readonly DecodeEntry[], logits: Float32Array): Promise<void> {
    await this.#exclusively({ kind: 'decode', entries, logits }, () => {
      assert.equal(new Set(entries.map(({ slot }) => slot)).size, entries.length, 'no slot twice in a batch');
      entries.forEach(({ slot, past, id }, i) => {
        this.#write(slot, past, id + this.#decoded);
        this.#fill(slot, logits.subarray(i * this.vocabSize, (i + 1) * this.vocabSize));
      });
    });
  }

  async copy(step: CopyStep): Promise<void> {
    await this.#exclusively({ kind: 'copy', step }, () => {
      const { from, to, start, end } = step;
      const [source, target] = [this.#states[from], this.#states[to]];
      assert.ok(source && target && from !== to, 'the slots exist');
      assert.ok(end <= (this.#lengths[from] ?? 0) && start < end, 'the source holds it');
      assert.ok(start <= (this.#lengths[to] ?? 0), 'no gap in a slot');
      target.set(source.subarray(start, end), start);
      this.#lengths[to] = end;
    });
  }

  [Symbol.dispose](): void {
    this.calls.length = 0;
  }

  async #exclusively(call: DecoderCall, work: () => void): Promise<void> {
    assert.ok(!this.#busy, 'one step at a time');
    this.#busy = true;
    this.calls.push(call);
    try {
      await this.before(call);
      work();
      this.after(call);
    } finally {
      this.#busy = false;
    }
  }

  #write(slot: number, position: number, input: number): void {
    const states = this.#states[slot];
    assert.ok(states, 'the slot exists');
    assert.ok(position <= (this.#lengths[slot] ?? 0), 'no gap in a slot');
    assert.ok(position < this.capacity, 'the slot has room');
    assert.ok(input >= 0, 'a token id');
    states[position] = mix(position === 0 ? 0 : (states[position - 1] ?? 0), input);
    this.#lengths[slot] = position + 1;
  }

  /** Logits of the last positions, as many as there are rows. */
  #fill(slot: number, logits: Float32Array): void {
    const rows = logits.length / this.vocabSize;
    const first = (this.#lengths[slot] ?? 0) - rows;
    assert.ok(Number.isInteger(rows) && first >= 0);
    for (let row = 0; row < rows; row++) {
      const state = this.#states[slot]?.[first + row] ?? 0;
      for (let id = 0; id < this.vocabSize; id++)
        logits[row * this.vocabSize + id] = mix(state, id + 1) / 2 ** 29 - 4;
    }
  }
}

/** Sets apart what decode steps leave. */
const DECODED = 1_000_000;

function hashAll(values: Float32Array): number {
  return values.reduce((hash, value) => mix(hash, Math.round(value * 1000) + 7), 11);
}

/** Murmur3's finaliser over both numbers. */
function mix(state: number, input: number): number {
  let hash = (Math.imul(state, 0x9e3779b1) + Math.imul(input + 1, 0x85ebca6b)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0;
  return (hash ^ (hash >>> 16)) >>> 0;
}
