import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Candidates } from './candidates.ts';
import { LogitRow } from './logit-row.ts';
import { type Filters, filterPlainly } from './spec-support/reference-filters.ts';

function filtered(logits: readonly number[], filters: Filters): Candidates {
  const candidates = new Candidates(rowOf(logits));
  candidates.select({ ...filters, minP: filters.topP < 1 ? 0 : filters.minP });
  if (filters.topP < 1) candidates.keepTopP(filters.topP);
  if (filters.minP > 0) candidates.keepMinP(filters.minP);
  return candidates;
}

function rowOf(logits: readonly number[]): LogitRow {
  const row = new LogitRow(logits.length);
  assert.ok(row.load(Float32Array.from(logits)));
  return row;
}

/**
 * Logits in eighths, so that ties are frequent and exact. Shares are odd multiples of a small prime's inverse, so
 * that no sum of probabilities meets one exactly and rounding cannot decide.
 */
const anyLogits = fc.array(
  fc.integer({ min: -64, max: 64 }).map((n) => n / 8),
  { minLength: 1, maxLength: 200 },
);
const anyShare = fc.integer({ min: 1, max: 1008 }).map((n) => n / 1009);
const anyFilters: fc.Arbitrary<Filters> = fc.record({
  temperature: fc.constantFrom(0.3, 0.7, 1, 1.7, 2),
  topK: fc.integer({ min: 0, max: 220 }),
  topP: fc.oneof(fc.constant(1), anyShare),
  minP: fc.oneof(fc.constant(0), anyShare),
});

test('every combination of filters keeps what a full sort keeps', () => {
  fc.assert(
    fc.property(anyLogits, anyFilters, (logits, filters) => {
      const expected = filterPlainly(logits, filters);
      assert.deepEqual([...filtered(logits, filters).ids], [...expected.keys()]);
    }),
    { numRuns: 2000 },
  );
});

test('each kept token is drawn as often as its probability says', () => {
  fc.assert(
    fc.property(anyLogits, anyFilters, (logits, filters) => {
      const candidates = filtered(logits, filters);
      const draws = 2000;
      const counts = new Map<number, number>();
      for (let i = 0; i < draws; i++) {
        const id = candidates.draw((i + 0.5) / draws);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      for (const [id, probability] of filterPlainly(logits, filters)) {
        assert.ok(Math.abs((counts.get(id) ?? 0) / draws - probability) <= 1.01 / draws);
      }
    }),
    { numRuns: 200 },
  );
});

test('however small top_p is, the most likely token is left', () => {
  for (const topP of [1e-20, 5e-17, Number.MIN_VALUE])
    for (const topK of [0, 1, 3])
      for (const logits of [[1, 5, 2], [0, 0, 0], [7]])
        assert.deepEqual(
          [...filtered(logits, { temperature: 1, topK, topP, minP: 0 }).ids],
          [logits.indexOf(Math.max(...logits))],
        );
});

test('of equal tokens at the edge of top-p the lower ids are kept', () => {
  const filters = { temperature: 1, topK: 0, topP: 0.7, minP: 0 };
  assert.deepEqual([...filtered([2, 2, -9, 2, 2], filters).ids], [0, 1, 3]);
});

test('the most likely token is kept by the narrowest filters', () => {
  const filters = { temperature: 2, topK: 1, topP: 1e-9, minP: 1 };
  assert.deepEqual([...filtered([0, 5, 1], filters).ids], [1]);
});

test('a suppressed token is never drawn, at either end of the range', () => {
  const row = rowOf([5, 0, 0, 5]);
  row.change((logits) => {
    logits[0] = -Infinity;
    logits[3] = -Infinity;
  });
  const candidates = new Candidates(row);
  candidates.select({ temperature: 1, topK: 0, minP: 0 });
  assert.deepEqual([candidates.draw(0), candidates.draw(1 - 2 ** -53)], [1, 2]);
});

test('kept tokens are those of transformers', () => {
  // TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper and MinPLogitsWarper of transformers 5.23 in this
  // order, on float32 logits drawn with torch.manual_seed(5) and rounded to 1/64.
  for (const { logits, kept, ...filters } of REFERENCE) {
    assert.deepEqual([...filtered(logits, filters).ids], kept);
  }
});

const REFERENCE = [
  {
    logits: [
      2.203125, 0.625, -2.046875, -2.046875, 2.421875, -0.328125, -0.15625, -1.71875, 0.46875, -0.015625,
      -1.625, -0.875, 1.1875, -0.5, -0.703125, -0.9375,
    ],
    temperature: 1.0,
    topK: 5,
    topP: 1,
    minP: 0,
    kept: [0, 1, 4, 8, 12],
  },
  {
    logits: [
      3.328125, 1.46875, -0.40625, -1.15625, -0.15625, -0.71875, 0.171875, -0.1875, -0.53125, 0.9375, -0.0625,
      -2.4375, 1.78125, 0.59375, 0.296875, 2.09375,
    ],
    temperature: 1.0,
    topK: 0,
    topP: 0.8,
    minP: 0,
    kept: [0, 1, 9, 12, 15],
  },
  {
    logits: [
      -0.3125, -0.875, 2.03125, -0.21875, 2.3125, 0.34375, 1.125, -2.890625, -0.171875, 1.078125, 0.65625,
      -1.96875, -2.171875, -0.25, -0.625, -2.03125,
    ],
    temperature: 1.0,
    topK: 0,
    topP: 1,
    minP: 0.2,
    kept: [2, 4, 6, 9],
  },
  {
    logits: [
      0.984375, 0.484375, 0.265625, 1.3125, 0.203125, 0.203125, -1.359375, -0.984375, -2.15625, 1.046875,
      2.59375, -0.21875, 1.1875, 0.890625, 1.53125, 1.59375,
    ],
    temperature: 0.7,
    topK: 8,
    topP: 0.9,
    minP: 0.05,
    kept: [3, 9, 10, 12, 14, 15],
  },
  {
    logits: [
      -0.625, 1.875, 1.484375, 1.796875, 0.5625, 0.734375, -1.046875, -0.890625, 0.34375, -1.796875, -0.375,
      -0.71875, -2.359375, -0.171875, 2.25, 0.1875,
    ],
    temperature: 1.5,
    topK: 6,
    topP: 0.7,
    minP: 0.3,
    kept: [1, 2, 3, 14],
  },
  {
    logits: [
      -0.984375, -0.453125, 0.484375, -1.71875, -0.09375, -0.65625, 0.578125, -0.78125, -0.4375, 1.25,
      1.203125, 1.109375, 2.3125, -0.0625, 0.625, 0.78125,
    ],
    temperature: 2.0,
    topK: 0,
    topP: 0.95,
    minP: 0.1,
    kept: [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  },
];
