import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Engine } from './engine.ts';
import type { SequenceRequest } from './request.ts';
import { type RandomModel, randomDecoder, TINY } from './spec-support/random-language-graph.ts';
import { generate, request, watch } from './spec-support/requests.ts';

const CONTEXT = 64;
const TINY_MODEL: RandomModel = { ...TINY, context: CONTEXT };

/** Wide enough for every format to store its weights in its own way. */
const MODEL: RandomModel = {
  ...TINY_MODEL,
  hidden: 256,
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  intermediate: 320,
};

const prompt = (length: number, seed = 11) => Array.from({ length }, (_, i) => (i * 37 + seed) % TINY.vocab);
const SAMPLING = { temperature: 0.9, seed: 4n, repetitionPenalty: 1.2, maxTokens: 12, logprobs: 3 };
const WANTED = request(prompt(20), SAMPLING);

/** An answer of two tokens by chance: guesses are right for a while. */
const REPETITIVE = request(prompt(20), {
  temperature: 1,
  seed: 4n,
  maxTokens: 24,
  logprobs: 3,
  logitBias: new Map([5, 7].map((id) => [id, 40])),
});

interface Circumstances {
  readonly prefillChunk?: number;
  /** Answered before, in the same slots. */
  readonly before?: readonly SequenceRequest[];
  /** How many others are answered at the same time. */
  readonly neighbours?: number;
  /** Whether their prompts begin like the one in question. */
  readonly alike?: boolean;
}

interface Case {
  readonly name: string;
  readonly model: RandomModel;
  readonly threads: number;
  readonly speculate: number;
  readonly wanted: SequenceRequest;
}

const CASES: readonly Case[] = [
  ...[1, 2].map((threads) => ({
    name: `a tiny model in float32 on ${threads} threads`,
    model: TINY_MODEL,
    threads,
    speculate: 0,
    wanted: WANTED,
  })),
  ...(['float32', 'int8', 'int4'] as const).flatMap((weights) => [
    { name: weights, model: { ...MODEL, weights }, threads: 2, speculate: 0, wanted: WANTED },
    {
      name: `${weights} with guesses`,
      model: { ...MODEL, weights },
      threads: 2,
      speculate: 5,
      wanted: REPETITIVE,
    },
  ]),
];

for (const { name, model, threads, speculate, wanted } of CASES) {
  describe(`on ONNX Runtime, to the last bit of every log probability: ${name}`, async () => {
    const load = (slots: number) =>
      randomDecoder(model, { slots, capacity: CONTEXT, session: { intraOpThreads: threads } });

    const decoder = await load(5);
    after(() => decoder[Symbol.dispose]());

    /** Tokens with log probabilities, of the likeliest ones too: equal ones mean equal logits to the last bit. */
    async function answer(request: SequenceRequest, circumstances: Circumstances = {}) {
      const { prefillChunk = 256, before = [], neighbours = 0, alike = false } = circumstances;
      await using engine = new Engine({ decoder, prefillChunk, speculate });
      for (const other of before) await generate(engine, other);
      const others = (from: number, to: number) =>
        neighboursOf(from, to, alike).map((one) => generate(engine, one));
      const early = others(0, neighbours >> 1);
      const watched = watch(engine, request);
      const late = others(neighbours >> 1, neighbours);
      const { usage } = await watched.finished;
      await Promise.all([...early, ...late]);
      return { tokens: watched.events.map(({ logprobs }) => logprobs), usage };
    }

    const alone = await (async () => {
      using single = await load(1);
      await using engine = new Engine({ decoder: single, speculate });
      const watched = watch(engine, wanted);
      await watched.finished;
      return watched.events.map(({ logprobs }) => logprobs);
    })();

    test('among fifteen others a sequence gets what it gets alone', async () => {
      assert.equal(alone.length, wanted.sampling.maxTokens);
      for (const alike of [false, true])
        assert.deepEqual((await answer(wanted, { neighbours: 15, alike })).tokens, alone);
    });

    test('a beginning that was copied from another slot changes nothing', async () => {
      const { tokens, usage } = await answer(wanted, { neighbours: 2, alike: true, prefillChunk: 23 });
      assert.equal(usage.cachedTokens, 19);
      assert.deepEqual(tokens, alone);
    });

    test('the size of prefill chunks changes nothing', async () => {
      for (const prefillChunk of [1, 2, 3, 7, 19]) {
        const { tokens } = await answer(wanted, { prefillChunk, neighbours: 3 });
        assert.deepEqual(tokens, alone, `chunks of ${prefillChunk}`);
      }
    });

    test('a cached prefix changes nothing', async () => {
      for (const shared of [7, 13, 20]) {
        const before = [request([...prompt(20).slice(0, shared), 1, 2])];
        const { tokens, usage } = await answer(wanted, { before, neighbours: 3 });
        assert.equal(usage.cachedTokens, Math.min(shared, 19));
        assert.deepEqual(tokens, alone, `${shared} tokens shared`);
      }
    });

    test('a resumed stream is the stream, at every position', async () => {
      for (let done = 1; done < alone.length; done++) {
        const resumeIds = Int32Array.from(alone.slice(0, done), (token) => token?.chosen.id ?? -1);
        const { tokens } = await answer({ ...wanted, resumeIds }, { neighbours: done % 4 });
        assert.deepEqual([...alone.slice(0, done), ...tokens], alone, `resumed after ${done}`);
      }
    });
  });
}

/** Some with many prompt tokens and some with few, some that repeat themselves. */
function neighboursOf(from: number, to: number, alike: boolean): SequenceRequest[] {
  return Array.from({ length: to - from }, (_, i) => {
    const index = from + i;
    const logitBias = new Map(index % 3 === 0 ? [[9, 60]] : []);
    const own = prompt(3 + ((index * 7) % 31), index);
    const ids = alike ? [...prompt(20), ...own.slice(0, 9)] : own;
    return request(ids, { logitBias, maxTokens: 4 + index });
  });
}
