import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Engine } from './engine.ts';
import type { SequenceRequest } from './request.ts';
import { randomDecoder, TINY } from './spec-support/random-language-graph.ts';
import { generate, request, watch } from './spec-support/requests.ts';

const MODEL = { ...TINY, context: 48 };
const prompt = (length: number, seed = 11) => Array.from({ length }, (_, i) => (i * 37 + seed) % TINY.vocab);
const SAMPLING = { temperature: 0.9, seed: 4n, repetitionPenalty: 1.2, maxTokens: 12, logprobs: 0 };
const WANTED = request(prompt(20), SAMPLING);

interface Circumstances {
  readonly threads: number;
  readonly prefillChunk?: number;
  /** Answered before, in the same slots. */
  readonly before?: readonly SequenceRequest[];
}

/** Tokens with their log probabilities: equal ones mean equal logits to the last bit. */
async function answer(wanted: SequenceRequest, { threads, prefillChunk = 256, before = [] }: Circumstances) {
  using decoder = await randomDecoder(MODEL, {
    slots: 5,
    capacity: 48,
    session: { intraOpThreads: threads },
  });
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

async function answerAlone(wanted: SequenceRequest, threads: number) {
  using decoder = await randomDecoder(MODEL, {
    slots: 1,
    capacity: 48,
    session: { intraOpThreads: threads },
  });
  await using engine = new Engine({ decoder });
  const watched = watch(engine, wanted);
  await watched.finished;
  return watched.events.map(({ logprobs }) => logprobs?.chosen);
}

for (const threads of [1, 2]) {
  describe(`on ONNX Runtime with ${threads} threads`, async () => {
    const alone = await answerAlone(WANTED, threads);

    test('a batch gives each sequence the tokens and probabilities that it gets alone', async () => {
      assert.equal(alone.length, 12);
      assert.deepEqual((await answer(WANTED, { threads })).tokens, alone);
    });

    test('the size of prefill chunks changes nothing', async () => {
      for (const prefillChunk of [1, 2, 3, 7, 19]) {
        assert.deepEqual(
          (await answer(WANTED, { threads, prefillChunk })).tokens,
          alone,
          `chunks of ${prefillChunk}`,
        );
      }
    });

    test('a cached prefix changes nothing', async () => {
      for (const shared of [7, 13, 20]) {
        const before = [request([...prompt(20).slice(0, shared), 1, 2])];
        const { tokens, usage } = await answer(WANTED, { threads, before });
        assert.equal(usage.cachedTokens, Math.min(shared, 19));
        assert.deepEqual(tokens, alone, `${shared} tokens shared`);
      }
    });

    test('a resumed stream is the stream, at every position', async () => {
      for (let done = 1; done < alone.length; done++) {
        const resumeIds = Int32Array.from(alone.slice(0, done), (token) => token?.id ?? -1);
        const { tokens } = await answer({ ...WANTED, resumeIds }, { threads });
        assert.deepEqual([...alone.slice(0, done), ...tokens], alone, `resumed after ${done}`);
      }
    });
  });
}
