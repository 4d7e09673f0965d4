import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LogitRow } from './logit-row.ts';
import { logSoftmax, type PositionLogprobs } from './logprobs.ts';

function logprobsOf(logits: Float32Array, chosen: number, count: number): PositionLogprobs {
  const row = new LogitRow(logits.length);
  assert.ok(row.load(logits));
  const softmax = logSoftmax(row, count, logits);
  return { chosen: softmax.of(chosen), top: softmax.top };
}

test('log probabilities are the log-softmax of PyTorch', () => {
  // torch.log_softmax of these float32 logits.
  const logits = Float32Array.of(-1.125, -0.125, -0.25, -1, -1, -0.875, -0.125, 2.5);
  const { chosen, top } = logprobsOf(logits, 2, 3);
  const expected = [
    [7, -0.2852310538291931],
    [1, -2.910231113433838],
    [6, -2.910231113433838],
  ];
  assert.equal(chosen.id, 2);
  assert.ok(Math.abs(chosen.logprob + 3.035231113433838) < 1e-6);
  assert.deepEqual(
    top.map(({ id }) => id),
    expected.map(([id]) => id),
  );
  top.forEach(({ logprob }, i) => assert.ok(Math.abs(logprob - (expected[i]?.[1] ?? 0)) < 1e-6));
});

test('zero alternatives give the chosen token alone', () => {
  assert.deepEqual(logprobsOf(Float32Array.of(0, 0), 1, 0), {
    chosen: { id: 1, logprob: -Math.LN2 },
    top: [],
  });
});

test('the alternatives are the first of a full sort', () => {
  const anyLogits = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(anyLogits, fc.integer({ min: 0, max: 20 }), (logits, count) => {
      const { top } = logprobsOf(Float32Array.from(logits), 0, count);
      const sorted = [...logits.keys()].toSorted((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
      assert.deepEqual(
        top.map(({ id }) => id),
        sorted.slice(0, count),
      );
    }),
  );
});
