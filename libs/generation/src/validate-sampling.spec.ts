import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PartialSampling } from './sampling-parameters.ts';
import { validateSampling } from './validate-sampling.ts';

test('absent parameters are neutral, with a seed of their own', () => {
  const { seed, ...others } = validateSampling({});
  assert.deepEqual(others, {
    maxTokens: undefined,
    minTokens: 0,
    temperature: 1,
    topK: 0,
    topP: 1,
    minP: 0,
    repetitionPenalty: 1,
    presencePenalty: 0,
    frequencyPenalty: 0,
    logitBias: new Map(),
    stop: [],
    stopTokenIds: [],
    logprobs: undefined,
    ignoreEos: false,
  });
  assert.notEqual(validateSampling({}).seed, seed);
});

test('the checkpoint’s defaults come before the neutral values, the caller’s before both', () => {
  const defaults = { temperature: 0, topK: 40, topP: 0.9, repetitionPenalty: 1.2 };
  const { temperature, topK, topP, repetitionPenalty } = validateSampling(
    { topK: 3, topP: undefined },
    defaults,
  );
  assert.deepEqual([temperature, topK, topP, repetitionPenalty], [0, 3, 0.9, 1.2]);
});

test('the ends of every range are accepted', () => {
  const low: PartialSampling = {
    maxTokens: 1,
    minTokens: 0,
    temperature: 0,
    topK: 0,
    topP: 1e-9,
    minP: 0,
    repetitionPenalty: 0.01,
    presencePenalty: -2,
    frequencyPenalty: -2,
    logitBias: new Map([[0, -100]]),
    seed: 0n,
    stop: [],
    stopTokenIds: [0],
    logprobs: 0,
  };
  const high: PartialSampling = {
    maxTokens: 9,
    minTokens: 9,
    temperature: 2,
    topK: 2 ** 32 - 1,
    topP: 1,
    minP: 1,
    repetitionPenalty: 100,
    presencePenalty: 2,
    frequencyPenalty: 2,
    logitBias: new Map([[7, 100]]),
    seed: 2n ** 64n - 1n,
    stop: Array.from({ length: 16 }, () => 'x'),
    stopTokenIds: [7],
    logprobs: 20,
  };
  for (const partial of [low, high]) {
    const { ignoreEos, ...others } = validateSampling(partial);
    assert.deepEqual([ignoreEos, others], [false, partial]);
  }
});

const OUT_OF_RANGE: Record<string, PartialSampling[]> = {
  max_tokens: [{ maxTokens: 0 }, { maxTokens: 1.5 }, { maxTokens: -1 }, { maxTokens: Number.NaN }],
  min_tokens: [{ minTokens: -1 }, { minTokens: 5, maxTokens: 4 }],
  temperature: [{ temperature: -0.1 }, { temperature: 2.1 }, { temperature: Number.NaN }],
  top_k: [{ topK: -1 }, { topK: 0.5 }],
  top_p: [{ topP: 0 }, { topP: 1.01 }, { topP: Number.NaN }],
  min_p: [{ minP: -0.1 }, { minP: 1.1 }],
  repetition_penalty: [{ repetitionPenalty: 0 }, { repetitionPenalty: -1 }, { repetitionPenalty: Infinity }],
  presence_penalty: [{ presencePenalty: 2.5 }, { presencePenalty: -2.5 }],
  frequency_penalty: [{ frequencyPenalty: 2.5 }, { frequencyPenalty: -2.5 }],
  logit_bias: [
    { logitBias: new Map([[3, 101]]) },
    { logitBias: new Map([[3, Number.NaN]]) },
    { logitBias: new Map([[-1, 1]]) },
    { logitBias: new Map([[Number.NaN, 1]]) },
  ],
  seed: [{ seed: -1n }, { seed: 2n ** 64n }],
  stop: [{ stop: [''] }, { stop: Array.from({ length: 17 }, () => 'x') }],
  stop_token_ids: [{ stopTokenIds: [-1] }, { stopTokenIds: [1.5] }],
  logprobs: [{ logprobs: 21 }, { logprobs: -1 }, { logprobs: 0.5 }],
};

for (const [param, cases] of Object.entries(OUT_OF_RANGE)) {
  test(`${param} out of range is refused by name`, () => {
    for (const partial of cases) {
      assert.throws(() => validateSampling(partial), {
        code: 'invalid_parameter',
        param,
        message: new RegExp(`^${param} `),
      });
    }
  });
}
