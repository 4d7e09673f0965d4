import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenHistory } from './penalties.ts';
import { type Choice, Sampler } from './sampler.ts';
import type { PartialSampling } from './sampling-parameters.ts';
import { filterPlainly } from './spec-support/reference-filters.ts';
import { validateSampling } from './validate-sampling.ts';

function choice(sampling: PartialSampling, others: Partial<Choice> = {}): Choice {
  return {
    parameters: validateSampling({ temperature: 1, seed: 1n, ...sampling }),
    history: new TokenHistory([]),
    index: 0,
    banned: [],
    ...others,
  };
}

const sample = (logits: readonly number[], wanted: Choice) =>
  new Sampler(logits.length).sample(Float32Array.from(logits), wanted).id;

test('temperature 0 takes the most likely token, the lowest id among equals', () => {
  assert.equal(sample([1, 5, 2, 5], choice({ temperature: 0 })), 1);
  assert.equal(sample([-3, -2, -2], choice({ temperature: 0 })), 1);
});

test('greedy choices heed penalties, bias and banned tokens', () => {
  const seen = new TokenHistory([1]);
  assert.equal(sample([4, 5, 3], choice({ temperature: 0, repetitionPenalty: 2 }, { history: seen })), 0);
  assert.equal(sample([4, 5, 3], choice({ temperature: 0, logitBias: new Map([[2, 10]]) })), 2);
  assert.equal(sample([4, 5, 3], choice({ temperature: 0 }, { banned: [1] })), 0);
});

test('filters see penalised logits at the temperature', () => {
  const history = new TokenHistory([1]);
  const logits = [4, 6, 3.5, 1];
  const wanted = { temperature: 2, topK: 3, topP: 0.8, repetitionPenalty: 2 };
  const kept = filterPlainly([4, 3, 3.5, 1], { temperature: 2, topK: 3, topP: 0.8, minP: 0 });
  const sampler = new Sampler(4);
  const drawn = new Set<number>();
  for (let index = 0; index < 200; index++) {
    drawn.add(sampler.sample(Float32Array.from(logits), choice(wanted, { history, index })).id);
  }
  assert.deepEqual([...drawn].toSorted(), [...kept.keys()]);
});

test('tokens come as often as their probability says', () => {
  const sampler = new Sampler(3);
  const logits = Float32Array.from([0.5, 0.3, 0.2].map(Math.log));
  const expected = [5000, 3000, 2000];
  const counts = [0, 0, 0];
  for (let index = 0; index < 10_000; index++) {
    const { id } = sampler.sample(logits, choice({ seed: 99n }, { index }));
    counts[id] = (counts[id] ?? 0) + 1;
  }
  counts.forEach((count, id) => assert.ok(Math.abs(count - (expected[id] ?? 0)) < 200, `${count}`));
});

test('the draw depends on seed and index alone, whatever was sampled before', () => {
  const sampler = new Sampler(8);
  const logits = Float32Array.from({ length: 8 }, (_, i) => Math.sin(i));
  const wanted = choice({ seed: 5n, topP: 0.9 }, { index: 17 });
  const first = sampler.sample(logits, wanted);
  sampler.sample(
    Float32Array.from({ length: 8 }, () => 3),
    choice({ repetitionPenalty: 3 }, { banned: [2] }),
  );
  assert.deepEqual(sampler.sample(logits, wanted), first);
});

test('logits are left as they are, and log probabilities are those of the model', () => {
  const sampler = new Sampler(2);
  const logits = Float32Array.of(0, 0);
  const result = sampler.sample(
    logits,
    choice({ temperature: 0, logprobs: 0, logitBias: new Map([[1, 50]]) }, { banned: [0] }),
  );
  assert.deepEqual(result, { id: 1, logprobs: { chosen: { id: 1, logprob: -Math.LN2 }, top: [] } });
  assert.deepEqual([...logits], [0, 0]);
});

test('logits that are not finite numbers are refused by name', () => {
  for (const poison of [Number.NaN, Infinity, -Infinity]) {
    assert.throws(() => sample([1, poison, 2], choice({}, { index: 4 })), {
      code: 'internal',
      message: /token 4 .* not finite/,
    });
  }
});

test('no token left to choose is an error, not a wrong token', () => {
  assert.throws(() => sample([1, 2], choice({}, { banned: [0, 1] })), /no token is left/);
  assert.throws(() => sample([1, 2], choice({ temperature: 0 }, { banned: [0, 1] })), /no token is left/);
});
