import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { referencePositions } from '../spec/reference-rules.ts';
import { positionBuckets } from './position-buckets.ts';

test('patches have the positions of the reference, to its last rounding', async () => {
  for (const { patches, positions, buckets } of await referencePositions()) {
    assert.deepEqual(
      positionBuckets(patches, positions),
      buckets,
      `${patches} patches of ${positions} positions`,
    );
  }
});

test('a tile of the trained size uses each position once', () => {
  const counts = Array.from({ length: 32 }, (_, index) => index);
  assert.deepEqual(positionBuckets(32, 32), counts);
});

test('some sizes repeat a position, as the float32 arithmetic of the reference does', () => {
  assert.equal(new Set(positionBuckets(19, 19)).size, 18);
});

test('a coarser tile skips positions, a finer one repeats them', () => {
  assert.deepEqual(positionBuckets(2, 4), [0, 2]);
  assert.deepEqual(positionBuckets(4, 2), [0, 0, 1, 1]);
});

test('positions rise from the first and stay within the table', () => {
  const side = fc.integer({ min: 1, max: 128 });
  const property = fc.property(side, side, (patches, trained) => {
    const buckets = positionBuckets(patches, trained);
    assert.equal(buckets.length, patches);
    assert.equal(buckets[0], 0);
    assert.ok(buckets.every((bucket, index) => bucket >= (buckets[index - 1] ?? 0) && bucket < trained));
  });
  fc.assert(property);
});
