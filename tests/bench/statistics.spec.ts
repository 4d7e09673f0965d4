import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { median, medianRatio, percentile } from './statistics.ts';

test('the median is in the middle, between two where there are two', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.throws(() => median([]), /median of nothing/);
});

test('at least half of the values are on either side of the median', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 }), (values) => {
      const middle = median(values);
      assert.ok(values.filter((value) => value <= middle).length * 2 >= values.length);
      assert.ok(values.filter((value) => value >= middle).length * 2 >= values.length);
    }),
  );
});

test('a percentile is a value that was measured; with few values the p99 is the largest', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile(hundred, 0), 1);
  assert.equal(percentile([5, 9, 7], 0.99), 9);
});

test('ratios are of what was measured side by side', () => {
  assert.equal(medianRatio([10, 200, 30], [5, 10, 10]), 3);
});
