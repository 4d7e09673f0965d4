import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import type { OnnxDecoder } from './decoder.ts';
import type { ImageRows } from './decoder-interface.ts';
import { decoderThreads } from './decoder-threads.ts';
import { randomDecoder, WIDE } from './spec-support/random-language-graph.ts';

test('uses no more threads than the model has query heads', () => {
  assert.equal(decoderThreads(2, 9), 2);
  assert.equal(decoderThreads(16, 9), 9);
  assert.equal(decoderThreads(undefined, 1024), Math.min(availableParallelism(), 1024));
  assert.equal(decoderThreads(undefined, 1), 1);
});

/** More positions than the attention kernel takes at once, 1,024 where the second-level cache has 2 MiB. */
const LENGTH = 1300;
const NO_IMAGES: ImageRows = { rows: new Float32Array(0), positions: new Int32Array(0) };

describe('to the last bit, over a long context on a machine of many cores', () => {
  const model = { ...WIDE, context: LENGTH + 1 };
  const load = () => {
    const session = { intraOpThreads: decoderThreads(64, model.heads), allowSpinning: false };
    return randomDecoder(model, { slots: 3, capacity: LENGTH + 1, session });
  };
  const promptOf = ({ vocabSize }: OnnxDecoder) =>
    Int32Array.from({ length: LENGTH }, (_, index) => (index * 37 + 11) % vocabSize);

  test('a sequence gets the same alone, beside one of its length and beside a shorter one', async () => {
    using decoder = await load();
    const ids = promptOf(decoder);
    for (let slot = 0; slot < 3; slot += 1) await decoder.prefill({ slot, past: 0, ids, images: NO_IMAGES });
    const first = async (...pasts: number[]) => {
      const logits = new Float32Array(pasts.length * decoder.vocabSize);
      await decoder.decode(
        pasts.map((past, slot) => ({ slot, past, id: 5 })),
        logits,
      );
      return logits.slice(0, decoder.vocabSize);
    };
    const alone = await first(LENGTH);
    assert.deepEqual(await first(LENGTH, LENGTH), alone);
    assert.deepEqual(await first(LENGTH, LENGTH - 7, 3), alone);
  });

  test('a prompt gives the same logits wherever it is cut', async () => {
    using decoder = await load();
    const ids = promptOf(decoder);
    const cutAt = async (...places: number[]) => {
      const logits = new Float32Array(decoder.vocabSize);
      const bounds = [0, ...places, LENGTH];
      for (const [index, past] of bounds.slice(0, -1).entries()) {
        const part = ids.subarray(past, bounds[index + 1]);
        await decoder.prefill({ slot: 0, past, ids: part, images: NO_IMAGES, logits });
      }
      return logits;
    };
    const whole = await cutAt();
    for (const places of [[256], [1000, 1002], [1024], [700, 1200], [2, 3, 1023, 1025]])
      assert.deepEqual(await cutAt(...places), whole, `cut at ${places.join(', ')}`);
  });
});
