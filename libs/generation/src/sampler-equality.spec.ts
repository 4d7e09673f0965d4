import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TokenHistory } from './penalties.ts';
import { type Choice, type SampledToken, Sampler } from './sampler.ts';
import { samplePlainly } from './spec-support/plain-sampler.ts';
import { validateSampling } from './validate-sampling.ts';

/** Sizes below, at and beyond a block of the kernels, and several blocks with and without a rest. */
const anySize = fc.oneof(
  fc.constantFrom(1, 2, 63, 64, 65, 127, 128, 192, 640),
  fc.integer({ min: 1, max: 400 }),
);

/** Ties, a flat row, rows with one or few tokens that matter, tiny and huge numbers. */
const anyLogit = fc.oneof(
  fc.integer({ min: -64, max: 64 }).map((n) => n / 8),
  fc.constantFrom(0, -0, 20, -40, 1e37, -1e37, 1e-44),
  fc.float({ min: -30, max: 30, noNaN: true }),
);
const anyLogits = anySize.chain((size) =>
  fc.oneof(
    fc.array(anyLogit, { minLength: size, maxLength: size }),
    fc.array(
      fc.integer({ min: -64, max: 64 }).map((n) => n / 8),
      { minLength: size, maxLength: size },
    ),
    anyLogit.map((logit) => Array<number>(size).fill(logit)),
  ),
);

/** Shares are odd multiples of a prime's inverse, so that no sum meets one exactly and rounding cannot decide. */
const anyShare = fc.integer({ min: 1, max: 1008 }).map((n) => n / 1009);

const anySampling = fc.record({
  temperature: fc.constantFrom(0, 0.01, 0.3, 0.7, 1, 2),
  topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 450 })),
  topP: fc.oneof(fc.constant(1), anyShare),
  minP: fc.oneof(fc.constant(0), anyShare),
  repetitionPenalty: fc.constantFrom(1, 1.3, 0.5),
  presencePenalty: fc.constantFrom(0, 0.5, -2),
  frequencyPenalty: fc.constantFrom(0, 0.25),
  logprobs: fc.constantFrom(undefined, 0, 5, 20),
  seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
});

const anyChoice = fc.record({
  sampling: anySampling,
  prompt: fc.array(fc.nat(399), { maxLength: 20 }),
  generated: fc.array(fc.nat(399), { maxLength: 20 }),
  banned: fc.oneof(fc.constant([]), fc.array(fc.nat(399), { maxLength: 20 })),
  bias: fc.array(fc.tuple(fc.nat(399), fc.integer({ min: -100, max: 100 })), { maxLength: 3 }),
  index: fc.nat(5000),
});

test('every choice is that of a sampler that looks at all logits and sorts them', () => {
  const samplers = new Map<number, Sampler>();
  fc.assert(
    fc.property(anyLogits, anyChoice, (values, { sampling, prompt, generated, banned, bias, index }) => {
      const size = values.length;
      const within = (ids: readonly number[]) => ids.filter((id) => id < size);
      fc.pre(new Set(within(banned)).size < size);
      const logits = Float32Array.from(values);
      const logitBias = new Map(bias.filter(([id]) => id < size));
      const choice: Choice = {
        parameters: validateSampling({ ...sampling, logitBias }),
        history: new TokenHistory(within(prompt), within(generated)),
        banned: within(banned),
        index,
      };
      const sampler = samplers.get(size) ?? new Sampler(size);
      samplers.set(size, sampler);
      assertSame(sampler.sample(logits, choice), samplePlainly(logits, choice));
    }),
    { numRuns: 3000 },
  );
});

test('so it is with vocabularies of published models', () => {
  for (const size of [49_280, 32_003]) {
    const sampler = new Sampler(size);
    const history = new TokenHistory(Array.from({ length: 300 }, (_, i) => (i * 977) % size));
    for (const sampling of [{}, { topP: 0.9 }, { topK: 50 }, { minP: 0.05 }, { topK: 2000, topP: 0.7 }]) {
      for (const [index, spread] of [0.01, 3].entries()) {
        const logits = Float32Array.from({ length: size }, (_, id) => spread * noise(id + index * size));
        const parameters = validateSampling({
          temperature: 0.7,
          seed: 5n,
          repetitionPenalty: 1.1,
          ...sampling,
        });
        const choice = { parameters, history, index, banned: [3] };
        assertSame(sampler.sample(logits, choice), samplePlainly(logits, choice));
      }
    }
  }
});

function assertSame(got: SampledToken, expected: SampledToken): void {
  assert.equal(got.id, expected.id);
  assert.equal(got.logprobs?.top.length, expected.logprobs?.top.length);
  const flat = ({ logprobs }: SampledToken) => (logprobs ? [logprobs.chosen, ...logprobs.top] : []);
  for (const [i, { id, logprob }] of flat(got).entries()) {
    const reference = flat(expected)[i];
    assert.equal(id, reference?.id);
    const difference = Math.abs(logprob - (reference?.logprob ?? 0));
    assert.ok(difference <= 1e-12 * Math.max(1, Math.abs(logprob)), `${logprob} is ${reference?.logprob}`);
  }
}

/** A normally distributed number that depends on `n` alone. */
function noise(n: number): number {
  const uniform = (salt: number) => {
    const x = Math.sin((n + 1) * 12.9898 + salt) * 43758.5453;
    return x - Math.floor(x) || 0.5;
  };
  return Math.sqrt(-2 * Math.log(uniform(0))) * Math.cos(2 * Math.PI * uniform(7));
}
