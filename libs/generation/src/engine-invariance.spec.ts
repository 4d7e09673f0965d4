import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Engine } from './engine.ts';
import type { PartialSampling } from './sampling-parameters.ts';
import { DeterministicDecoder } from './spec-support/deterministic-decoder.ts';
import { generate, request, watch } from './spec-support/requests.ts';

const MODES: Record<string, PartialSampling> = {
  greedy: { temperature: 0 },
  sampled: { temperature: 1.3, seed: 42n },
  filtered: { temperature: 0.8, topK: 12, topP: 0.9, minP: 0.02, seed: 7n },
  penalised: {
    temperature: 0.9,
    seed: 3n,
    repetitionPenalty: 1.3,
    presencePenalty: 0.6,
    frequencyPenalty: 0.4,
    logitBias: new Map([[5, 2]]),
    minTokens: 6,
    ignoreEos: false,
  },
  repetitive: {
    temperature: 1.5,
    seed: 9n,
    frequencyPenalty: 0.1,
    logprobs: 3,
    maxTokens: 40,
    logitBias: new Map([
      [5, 20],
      [7, 20],
    ]),
  },
};

const PROMPT = [9, 4, 17, 3, 22, 8, 30, 11, 2, 6, 19, 25];

const CASES = Object.entries(MODES).flatMap(([mode, sampling]) =>
  [0, 5].map((speculate) => ({ mode, sampling, speculate })),
);

for (const { mode, sampling, speculate } of CASES) {
  describe(`a ${mode} answer with guesses of ${speculate} tokens is the same`, async () => {
    const wanted = request(PROMPT, { maxTokens: 16, ...sampling });
    const alone = await generate(new Engine({ decoder: new DeterministicDecoder(), speculate }), wanted);

    test('on every run', async () => {
      assert.ok(alone.length > 3);
      const decoder = new DeterministicDecoder();
      assert.deepEqual(await generate(new Engine({ decoder, speculate }), wanted), alone);
      const checks = decoder.calls.filter((call) => call.kind === 'prefill' && call.step.past > 0);
      assert.equal(checks.length > 2, mode === 'repetitive' && speculate > 0, 'guesses are made');
    });

    test('alone and among fifteen others', async () => {
      const engine = new Engine({ decoder: new DeterministicDecoder({ slots: 6 }), speculate });
      const others = Array.from({ length: 15 }, (_, i) => {
        const logitBias = new Map(i % 2 === 0 ? [[6, 20]] : []);
        const other = { temperature: 1, seed: BigInt(i), maxTokens: 3 + i, logitBias };
        return request([i + 2, ...PROMPT.slice(i % 10)], other);
      });
      const before = others.slice(0, 7).map((other) => generate(engine, other));
      const result = generate(engine, wanted);
      const after = others.slice(7).map((other) => generate(engine, other));
      assert.deepEqual(await result, alone);
      await Promise.all([...before, ...after]);
    });

    test('for every size of prefill chunk', async () => {
      for (const prefillChunk of [1, 2, 3, 5, 11, 12, 13]) {
        const engine = new Engine({ decoder: new DeterministicDecoder(), prefillChunk, speculate });
        assert.deepEqual(await generate(engine, wanted), alone, `chunks of ${prefillChunk}`);
      }
    });

    test('for every length of cached prefix', async () => {
      for (let shared = 0; shared <= PROMPT.length; shared++) {
        const engine = new Engine({ decoder: new DeterministicDecoder({ slots: 1 }), speculate });
        await generate(engine, request([...PROMPT.slice(0, shared), 31, 31], { maxTokens: 3 }));
        const second = watch(engine, wanted);
        const { usage } = await second.finished;
        assert.equal(usage.cachedTokens, Math.min(shared, PROMPT.length - 1));
        assert.deepEqual(second.ids, alone, `${shared} tokens shared`);
      }
    });

    test('resumed at every position, on a fresh machine', async () => {
      for (let done = 1; done <= alone.length; done++) {
        const engine = new Engine({ decoder: new DeterministicDecoder(), speculate });
        const resumed = watch(engine, { ...wanted, resumeIds: Int32Array.from(alone.slice(0, done)) });
        const { usage } = await resumed.finished;
        assert.deepEqual([...alone.slice(0, done), ...resumed.ids], alone, `resumed after ${done}`);
        assert.equal(usage.completionTokens, alone.length);
        assert.equal(resumed.events[0]?.index ?? done, done);
      }
    });

    test('resumed in the slot that holds it already', async () => {
      const engine = new Engine({ decoder: new DeterministicDecoder({ slots: 1 }), speculate });
      await generate(engine, wanted);
      const resumed = watch(engine, { ...wanted, resumeIds: Int32Array.from(alone.slice(0, 2)) });
      const { usage } = await resumed.finished;
      assert.deepEqual(resumed.ids, alone.slice(2));
      assert.equal(usage.cachedTokens, PROMPT.length - 1);
    });
  });
}

test('a next turn is answered the same by the machine that answered the turn before and by any other', async () => {
  const engine = new Engine({ decoder: new DeterministicDecoder() });
  const answer = await generate(engine, request(PROMPT));
  const next = request([...PROMPT, ...answer, 7, 8]);
  const elsewhere = await generate(new Engine({ decoder: new DeterministicDecoder() }), next);
  assert.deepEqual(await generate(engine, next), elsewhere);
});

test('different seeds give different answers, the same seed the same', async () => {
  const engine = new Engine({ decoder: new DeterministicDecoder() });
  const ask = (seed: bigint) => generate(engine, request(PROMPT, { temperature: 1, seed }));
  const [first, second, again] = await Promise.all([ask(1n), ask(2n), ask(1n)]);
  assert.notDeepEqual(first, second);
  assert.deepEqual(first, again);
});
