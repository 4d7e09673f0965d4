import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import type { OnnxDecoder } from './decoder.ts';
import type { DecodeEntry, ImageRows } from './decoder-interface.ts';
import { random, randomDecoder, TINY } from './spec-support/random-language-graph.ts';

const CAPACITY = 24;
const NO_IMAGES: ImageRows = { rows: new Float32Array(0), positions: new Int32Array(0) };
const PROMPT = Int32Array.from({ length: CAPACITY }, (_, index) => (index * 37 + 11) % TINY.vocab);
const EMBEDDING = random('embedding', TINY.vocab * TINY.hidden);

const decoder = await load(5);
after(() => decoder[Symbol.dispose]());

function load(slots: number): Promise<OnnxDecoder> {
  return randomDecoder(TINY, { slots, capacity: CAPACITY, session: { intraOpThreads: 1 } });
}

/** Fills positions `[past, end)` of a slot with the prompt and returns the last position's logits. */
async function prefill(slot: number, past: number, end: number, on = decoder): Promise<Float32Array> {
  const logits = new Float32Array(TINY.vocab).fill(NaN);
  await on.prefill({ slot, past, ids: PROMPT.subarray(past, end), images: NO_IMAGES, logits });
  return logits;
}

/** One decode step; the logits of each entry. */
async function decode(entries: readonly DecodeEntry[], on = decoder): Promise<Float32Array[]> {
  const logits = new Float32Array(entries.length * TINY.vocab).fill(NaN);
  await on.decode(entries, logits);
  return entries.map((_, row) => logits.slice(row * TINY.vocab, (row + 1) * TINY.vocab));
}

test('reads its sizes from the graph', () => {
  assert.deepEqual([decoder.slots, decoder.capacity, decoder.vocabSize], [5, CAPACITY, TINY.vocab]);
});

test('decoding a prompt token by token agrees with its prefill to rounding', async () => {
  const expected = await prefill(0, 0, 12);
  await prefill(1, 0, 1);
  let logits: Float32Array = new Float32Array();
  for (const [past, id] of [...PROMPT.subarray(0, 12)].entries())
    if (past > 0) logits = (await decode([{ slot: 1, past, id }]))[0] ?? logits;
  const scale = Math.max(...expected.map(Math.abs));
  const distance = Math.max(...logits.map((logit, index) => Math.abs(logit - (expected[index] ?? NaN))));
  assert.ok(distance < 1e-5 * scale, `${distance} of ${scale}`);
});

test('a full slot in the middle of a batch keeps all that it holds', async () => {
  await prefill(1, 0, CAPACITY - 1);
  const before = await decode([{ slot: 1, past: CAPACITY - 1, id: 3 }]);
  await prefill(0, 0, 2);
  await prefill(2, 0, 2);
  await decode([
    { slot: 0, past: 2, id: 1 },
    { slot: 2, past: 2, id: 1 },
  ]);
  assert.deepEqual(await decode([{ slot: 1, past: CAPACITY - 1, id: 3 }]), before);
});

test('a prompt goes on in a slot that filled a gap before', async () => {
  const expected = await prefill(1, 0, 9);
  await prefill(1, 0, 5);
  await prefill(0, 0, 2);
  await prefill(2, 0, 2);
  await decode([
    { slot: 0, past: 2, id: 1 },
    { slot: 2, past: 2, id: 1 },
  ]);
  assert.deepEqual(await prefill(1, 5, 9), expected);
});

test('a slot goes on from any prefix of what it holds', async () => {
  const expected = await prefill(0, 0, 9);
  await prefill(0, 0, CAPACITY);
  assert.deepEqual(await prefill(0, 5, 9), expected);
});

test('logits come in the order of the entries', async () => {
  for (const slot of [0, 1, 2]) await prefill(slot, 0, 4 + slot);
  const entries = [0, 1, 2].map((slot) => ({ slot, past: 4 + slot, id: 7 }));
  const ascending = await decode(entries);
  assert.deepEqual(await decode(entries.toReversed()), ascending.toReversed());
});

test('logits go where each step wants them, also within one buffer', async () => {
  const expected = [await prefill(0, 0, 4), await prefill(0, 4, 9)].map((row) => [...row]);
  const memory = new Float32Array(3 * TINY.vocab);
  const step = (past: number, end: number, row: number) =>
    decoder.prefill({
      slot: 0,
      past,
      ids: PROMPT.subarray(past, end),
      images: NO_IMAGES,
      logits: memory.subarray(row * TINY.vocab, (row + 1) * TINY.vocab),
    });
  await step(0, 4, 0);
  await step(4, 9, 2);
  const nothing = Array.from({ length: TINY.vocab }, () => 0);
  assert.deepEqual([...memory], [expected[0], nothing, expected[1]].flat());
});

test('logits of several positions are those of each as the last one', async () => {
  const expected = [await prefill(0, 0, 7), await prefill(0, 0, 8), await prefill(0, 0, 9)];
  for (const past of [0, 3, 6]) {
    await prefill(1, 0, Math.max(past, 1));
    const logits = new Float32Array(3 * TINY.vocab).fill(NaN);
    await decoder.prefill({ slot: 1, past, ids: PROMPT.subarray(past, 9), images: NO_IMAGES, logits });
    assert.deepEqual(
      [...logits],
      expected.flatMap((row) => [...row]),
      `after ${past} tokens`,
    );
  }
});

test('a feature row takes the place of a token’s embedding', async () => {
  const expected = await prefill(0, 0, 6);
  const ids = PROMPT.slice(0, 6).fill(0, 2, 4);
  const rows = new Float32Array([2, 3].flatMap((place) => [...embedding(PROMPT[place] ?? 0)]));
  const logits = new Float32Array(TINY.vocab);
  await decoder.prefill({ slot: 1, past: 0, ids, images: { rows, positions: Int32Array.of(2, 3) }, logits });
  assert.deepEqual(logits, expected);
  await decoder.prefill({ slot: 1, past: 0, ids, images: NO_IMAGES, logits });
  assert.notDeepEqual(logits, expected);
});

function embedding(id: number): Float32Array {
  return EMBEDDING.subarray(id * TINY.hidden, (id + 1) * TINY.hidden);
}

test('steps that are asked for at once run one after the other', async () => {
  const expected = await prefill(0, 0, 8);
  const next = await decode([{ slot: 0, past: 8, id: 2 }]);
  const steps = await Promise.all([
    prefill(3, 0, 3),
    prefill(3, 3, 8),
    decode([{ slot: 3, past: 8, id: 2 }]),
  ]);
  assert.deepEqual(steps.slice(1), [expected, next]);
});

test('a step that fails leaves the other slots as they are and the decoder working', async () => {
  const expected = await prefill(0, 0, 8);
  await prefill(1, 0, 8);
  const logits = new Float32Array(TINY.vocab);
  const beyond = Int32Array.of(TINY.vocab);
  await assert.rejects(decoder.prefill({ slot: 2, past: 0, ids: beyond, images: NO_IMAGES, logits }), {
    code: 'runtime_failed',
    message: /out of data bounds/,
  });
  await assert.rejects(
    decode([
      { slot: 0, past: 8, id: TINY.vocab },
      { slot: 2, past: 1, id: 0 },
    ]),
    { code: 'runtime_failed' },
  );
  assert.deepEqual(await prefill(1, 7, 8), expected);
});

test('refuses steps that do not fit, which the engine never asks for', async () => {
  await assert.rejects(prefill(0, 1, 1), { name: 'AssertionError' });
  await assert.rejects(prefill(5, 0, 1), { name: 'AssertionError' });
  await assert.rejects(decode([{ slot: 0, past: CAPACITY, id: 1 }]), { name: 'AssertionError' });
  await assert.rejects(
    decode([
      { slot: 0, past: 1, id: 1 },
      { slot: 0, past: 1, id: 1 },
    ]),
    { name: 'AssertionError' },
  );
});

test('keeps working beyond the ranges whose bindings it keeps', async () => {
  using wide = await load(13);
  for (let slot = 0; slot < wide.slots; slot += 1) await prefill(slot, 0, 3, wide);
  const [expected] = await decode([{ slot: 0, past: 3, id: 4 }], wide);
  for (let first = 0; first < wide.slots; first += 1)
    for (let last = first + 1; last < wide.slots; last += 1) {
      const entries = [first, last].map((slot) => ({ slot, past: 3, id: 4 }));
      assert.deepEqual(await decode(entries, wide), [expected, expected]);
    }
});

test('disposal lets the step under way end, and nothing after it', async () => {
  const own = await load(2);
  await prefill(0, 0, 4, own);
  const step = prefill(1, 0, 4, own);
  await tick();
  own[Symbol.dispose]();
  own[Symbol.dispose]();
  await step;
  await assert.rejects(prefill(0, 4, 5, own), { code: 'runtime_failed', message: /disposed/ });
  await assert.rejects(decode([{ slot: 0, past: 4, id: 1 }], own), {
    code: 'runtime_failed',
    message: /disposed/,
  });
});
