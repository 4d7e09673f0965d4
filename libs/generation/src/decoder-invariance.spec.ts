import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { OnnxDecoder } from './decoder.ts';
import type { DecodeEntry, ImageRows } from './decoder-interface.ts';
import { type RandomModel, randomDecoder, TINY, WIDE } from './spec-support/random-language-graph.ts';

const CAPACITY = 24;
const SLOTS = 5;
const NO_IMAGES: ImageRows = { rows: new Float32Array(0), positions: new Int32Array(0) };

/** Kernels choose how to add up by sizes and threads, so one small model on one thread would prove little. */
const CASES: readonly { name: string; model: RandomModel; threads: number; runs: number }[] = [
  { name: 'a tiny model on one thread', model: TINY, threads: 1, runs: 30 },
  { name: 'a tiny model on two threads', model: TINY, threads: 2, runs: 30 },
  { name: 'a wide model on one thread', model: WIDE, threads: 1, runs: 12 },
  { name: 'a wide model on two threads', model: WIDE, threads: 2, runs: 12 },
];

for (const { name, model, threads, runs } of CASES) {
  describe(`to the last bit, with ${name}`, () => {
    let together: Slots;
    let alone: Slots;
    before(async () => {
      const load = (slots: number) =>
        randomDecoder(model, { slots, capacity: CAPACITY, session: { intraOpThreads: threads } });
      together = new Slots(await load(SLOTS));
      alone = new Slots(await load(1));
    });
    after(() => {
      for (const slots of [together, alone]) slots.decoder[Symbol.dispose]();
    });

    test('a prompt gives the same logits however it is cut', async () => {
      const length = CAPACITY - 1;
      const whole = await alone.prefill(0, 0, length);
      const cuts = fc.uniqueArray(fc.integer({ min: 1, max: length - 1 }), { maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(cuts, fc.nat(SLOTS - 1), async (places, slot) => {
          const bounds = [0, ...places.toSorted((left, right) => left - right), length];
          let logits = whole;
          for (const [index, past] of bounds.slice(0, -1).entries())
            logits = await together.prefill(slot, past, bounds[index + 1] ?? length);
          assert.deepEqual(logits, whole);
        }),
        { numRuns: runs },
      );
    });

    test('a sequence in a batch of mixed lengths with gaps gets what it gets alone, and the gaps keep what they hold', async () => {
      const batch = fc.uniqueArray(fc.nat(SLOTS - 1), { minLength: 1 });
      const lengths = fc.array(fc.integer({ min: 1, max: CAPACITY - 2 }), { minLength: 5, maxLength: 5 });
      await fc.assert(
        fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 4 }), lengths, async (steps, start) => {
          const held = start.map((length) => [...together.prompt.subarray(0, length)]);
          for (const [slot, length] of start.entries()) await together.prefill(slot, 0, length);
          for (const [id, slots] of steps.entries()) {
            const active = slots.filter((slot) => lengthOf(held, slot) < CAPACITY);
            const entries = active.map((slot) => ({ slot, past: lengthOf(held, slot), id: id + slot }));
            const results = await together.decode(entries);
            for (const [row, entry] of entries.entries()) {
              held[entry.slot]?.push(entry.id);
              const expected = await replay(alone, held[entry.slot] ?? [], start[entry.slot] ?? 0);
              assert.deepEqual(results[row], expected);
            }
          }
        }),
        { numRuns: runs },
      );
    });
  });
}

/** A decoder whose slots are filled with one prompt. */
class Slots {
  readonly decoder: OnnxDecoder;
  readonly prompt: Int32Array;

  constructor(decoder: OnnxDecoder) {
    this.decoder = decoder;
    this.prompt = Int32Array.from({ length: CAPACITY }, (_, index) => (index * 37 + 11) % decoder.vocabSize);
  }

  /** Fills positions `[past, end)` of a slot with the prompt and returns the last position's logits. */
  async prefill(slot: number, past: number, end: number): Promise<Float32Array> {
    const logits = new Float32Array(this.decoder.vocabSize).fill(NaN);
    const ids = this.prompt.subarray(past, end);
    await this.decoder.prefill({ slot, past, ids, images: NO_IMAGES, logits });
    return logits;
  }

  /** One decode step; the logits of each entry. */
  async decode(entries: readonly DecodeEntry[]): Promise<Float32Array[]> {
    const { vocabSize } = this.decoder;
    const logits = new Float32Array(entries.length * vocabSize).fill(NaN);
    await this.decoder.decode(entries, logits);
    return entries.map((_, row) => logits.slice(row * vocabSize, (row + 1) * vocabSize));
  }
}

function lengthOf(held: readonly number[][], slot: number): number {
  return held[slot]?.length ?? 0;
}

/** The logits of the last token of a sequence that is alone: its prompt in one step, the rest one by one. */
async function replay(alone: Slots, ids: readonly number[], prompt: number): Promise<Float32Array> {
  let logits = await alone.prefill(0, 0, prompt);
  for (const [index, id] of ids.slice(prompt).entries())
    logits = (await alone.decode([{ slot: 0, past: prompt + index, id }]))[0] ?? logits;
  return logits;
}
