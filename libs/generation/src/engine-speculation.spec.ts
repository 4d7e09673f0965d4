import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import fc from 'fast-check';
import { Engine } from './engine.ts';
import type { PartialSampling } from './sampling-parameters.ts';
import { DeterministicDecoder } from './spec-support/deterministic-decoder.ts';
import { END, generate, idle, request, watch } from './spec-support/requests.ts';

const PROMPT = [9, 5, 7, 5, 7, 7, 5, 3];

/** Always the same token: every guess is right. */
const SAME = { logitBias: new Map([[5, 100]]), maxTokens: 40 };

/** One of two tokens by chance: guesses are right for a while. */
const EITHER: PartialSampling = {
  temperature: 1.5,
  seed: 9n,
  maxTokens: 40,
  logitBias: new Map([5, 7].map((id) => [id, 20])),
};

/** An engine whose decoder computes a token in one way, whether alone or with others behind it. */
function exactEngine(speculate: number) {
  const decoder = new DeterministicDecoder({ exact: true });
  return { decoder, engine: new Engine({ decoder, speculate }) };
}

function checks({ calls }: DeterministicDecoder) {
  return calls.flatMap((call) => (call.kind === 'prefill' && call.step.past > 0 ? [call.step] : []));
}

describe('guessing', () => {
  test('gives the tokens that sampling gives without it', async () => {
    const anyPrompt = fc.array(fc.integer({ min: 3, max: 6 }), { minLength: 1, maxLength: 20 });
    const anySampling = fc.record({
      temperature: fc.constantFrom(0, 0.7, 2),
      seed: fc.bigInt({ min: 0n, max: 2n ** 53n }),
      maxTokens: fc.integer({ min: 1, max: 40 }),
      minTokens: fc.constant(0),
      repetitionPenalty: fc.constantFrom(1, 1.2),
      frequencyPenalty: fc.constantFrom(0, 0.5),
      topK: fc.constantFrom(0, 3),
      logprobs: fc.constantFrom(undefined, 2),
      ignoreEos: fc.boolean(),
      logitBias: fc
        .uniqueArray(fc.integer({ min: END, max: 6 }), { maxLength: 3 })
        .map((ids) => new Map(ids.map((id) => [id, 8]))),
    });
    let guesses = 0;
    const property = fc.asyncProperty(
      anyPrompt,
      anySampling,
      fc.integer({ min: 1, max: 9 }),
      async (prompt, sampling, speculate) => {
        const wanted = request(prompt, sampling);
        const plain = watch(exactEngine(0).engine, wanted);
        const { reason, usage } = await plain.finished;
        const { decoder, engine } = exactEngine(speculate);
        const guessed = watch(engine, wanted);
        const summary = await guessed.finished;
        assert.deepEqual(guessed.events, plain.events);
        assert.deepEqual([summary.reason, summary.usage], [reason, usage]);
        guesses += checks(decoder).length;
      },
    );
    await fc.assert(property, { numRuns: 200 });
    assert.ok(guesses > 20, `${guesses} guesses`);
  });

  test('spares steps where answers repeat', async () => {
    const { decoder, engine } = exactEngine(8);
    assert.equal((await generate(engine, request([3], SAME))).length, 40);
    assert.ok(decoder.calls.length <= 9, `${decoder.calls.length} runs for 40 tokens`);
  });

  test('runs for one sequence what it guesses, never more tokens than it may still have', async () => {
    const { decoder, engine } = exactEngine(8);
    await generate(engine, request([3], { ...SAME, maxTokens: 10 }));
    for (const { past, ids } of checks(decoder)) assert.ok(past + ids.length <= 1 + 9);
  });
});

describe('an answer that is guessed ends', () => {
  const ask = async (sampling: PartialSampling, onToken?: Parameters<typeof watch>[2]) => {
    const { decoder, engine } = exactEngine(8);
    const watched = watch(engine, request([3], { ...SAME, ...sampling }), onToken);
    const { reason, usage } = await watched.finished;
    await idle(engine);
    assert.ok(checks(decoder).length > 0, 'something was guessed');
    assert.equal(watched.ids.length, usage.completionTokens);
    return { reason, ids: watched.ids };
  };

  test('at max_tokens, whatever else was right', async () => {
    for (let maxTokens = 6; maxTokens < 24; maxTokens++)
      assert.deepEqual((await ask({ maxTokens })).ids.length, maxTokens);
  });

  test('with an end token in the middle of a right guess, after min_tokens', async () => {
    for (let minTokens = 6; minTokens < 20; minTokens++) {
      const logitBias = new Map([
        [5, 50],
        [END, 100],
      ]);
      const { reason, ids } = await ask({ minTokens, logitBias, ignoreEos: false });
      assert.deepEqual([reason, ids.length, ids.at(-1)], ['stop', minTokens + 1, END]);
    }
  });

  test('with a stop token, and where the listener finds a stop string', async () => {
    for (let at = 6; at < 20; at++) {
      const { reason, ids } = await ask({}, ({ index }) => (index === at ? 'stop' : 'continue'));
      assert.deepEqual([reason, ids.length], ['stop', at + 1]);
    }
  });

  test('when its caller leaves', async () => {
    const { engine } = exactEngine(8);
    const left = watch(engine, request([3], SAME), ({ index }) => {
      if (index === 12) left.generation.cancel();
      return 'continue';
    });
    assert.equal((await left.failed).code, 'cancelled');
    assert.equal(left.ids.length, 13);
  });
});

test('a guess whose run fails ends its sequence, and no other', async () => {
  const { decoder, engine } = exactEngine(8);
  decoder.before = (call) => {
    if (call.kind === 'prefill' && call.step.slot === 1 && call.step.past > 6)
      throw new DiptychError('runtime_failed', 'bad node');
  };
  const good = generate(engine, request([3], SAME));
  const bad = watch(engine, request([4], SAME));
  assert.equal((await bad.failed).code, 'runtime_failed');
  assert.equal((await good).length, 40);
});

test('guessed tokens are not offered to later prompts', async () => {
  const engine = new Engine({ decoder: new DeterministicDecoder({ slots: 1 }), speculate: 8 });
  const answer = await generate(engine, request(PROMPT, EITHER));
  const next = watch(engine, request([...PROMPT, ...answer, 4]));
  assert.equal((await next.finished).usage.cachedTokens, PROMPT.length);
});
