import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine } from './engine.ts';
import type { SequenceRequest } from './request.ts';
import { randomDecoder, TINY } from './spec-support/random-language-graph.ts';
import { generate, request, watch } from './spec-support/requests.ts';

const MODEL = { ...TINY, context: 48 };
const prompt = (length: number, seed = 11) => Array.from({ length }, (_, i) => (i * 37 + seed) % TINY.vocab);
const SAMPLING = { temperature: 0.9, seed: 4n, repetitionPenalty: 1.2, maxTokens: 12, logprobs: 0 };
const WANTED = request(prompt(20), SAMPLING);

/** Tokens with their log probabilities: equal ones mean equal logits to the last bit. */
async function answer(
  wanted: SequenceRequest,
  { prefillChunk = 256, before = [] as SequenceRequest[] } = {},
) {
  using decoder = await randomDecoder(MODEL, { slots: 5, capacity: 48, session: { intraOpThreads: 1 } });
  await using engine = new Engine({ decoder, prefillChunk });
  for (const other of before) await generate(engine, other);
  const watched = watch(engine, wanted);
  const neighbours = [3, 9, 14, 20, 27, 31].map((length) =>
    generate(engine, request(prompt(length, length))),
  );
  const { usage } = await watched.finished;
  await Promise.all(neighbours);
  return { tokens: watched.events.map(({ logprobs }) => logprobs?.chosen), usage };
}

async function answerAlone(wanted: SequenceRequest) {
  using decoder = await randomDecoder(MODEL, { slots: 1, capacity: 48, session: { intraOpThreads: 1 } });
  await using engine = new Engine({ decoder });
  const watched = watch(engine, wanted);
  await watched.finished;
  return watched.events.map(({ logprobs }) => logprobs?.chosen);
}

const alone = await answerAlone(WANTED);

test('on ONNX Runtime a batch gives each sequence the tokens and probabilities that it gets alone', async () => {
  assert.equal(alone.length, 12);
  assert.deepEqual((await answer(WANTED)).tokens, alone);
});

test('on ONNX Runtime the size of prefill chunks changes nothing', async () => {
  for (const prefillChunk of [1, 2, 3, 7, 19]) {
    assert.deepEqual((await answer(WANTED, { prefillChunk })).tokens, alone, `chunks of ${prefillChunk}`);
  }
});

test('on ONNX Runtime a cached prefix changes nothing', async () => {
  for (const shared of [7, 13, 20]) {
    const before = [request([...prompt(20).slice(0, shared), 1, 2])];
    const { tokens, usage } = await answer(WANTED, { before });
    assert.equal(usage.cachedTokens, Math.min(shared, 19));
    assert.deepEqual(tokens, alone, `${shared} tokens shared`);
  }
});

test('on ONNX Runtime a resumed stream is the stream, at every position', async () => {
  for (let done = 1; done < alone.length; done++) {
    const resumeIds = Int32Array.from(alone.slice(0, done), (token) => token?.id ?? -1);
    const { tokens } = await answer({ ...WANTED, resumeIds });
    assert.deepEqual([...alone.slice(0, done), ...tokens], alone, `resumed after ${done}`);
  }
});
