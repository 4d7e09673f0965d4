import assert from 'node:assert/strict';
import { test } from 'node:test';
import { referencePositions } from '../spec/reference-rules.ts';
import { runBuckets } from '../spec/run-buckets.ts';

test('patches have the positions of the reference, to its last rounding', async () => {
  const byTable = Map.groupBy(await referencePositions(), ({ positions }) => positions);
  for (const [positions, rows] of byTable) {
    const found = await runBuckets(
      rows.map(({ patches }) => patches),
      positions,
    );
    for (const [index, { patches, buckets }] of rows.entries())
      assert.deepEqual(found[index], buckets, `${patches} patches of ${positions} positions`);
  }
});

test('a tile of the trained size uses each position once', async () => {
  const counts = Array.from({ length: 32 }, (_, index) => index);
  assert.deepEqual(await runBuckets([32], 32), [counts]);
});

test('some sizes repeat a position, as the float32 arithmetic of the reference does', async () => {
  assert.equal(new Set((await runBuckets([19], 19))[0]).size, 18);
});

test('a coarser tile skips positions, a finer one repeats them', async () => {
  assert.deepEqual(await runBuckets([2], 4), [[0, 2]]);
  assert.deepEqual(await runBuckets([4], 2), [[0, 0, 1, 1]]);
});

test('positions rise from the first and stay within the table, for tiles of any size', async () => {
  const sizes = [...Array.from({ length: 140 }, (_, index) => index + 1), 1000, 4681];
  for (const trained of [1, 2, 16, 27, 70]) {
    for (const [index, buckets] of (await runBuckets(sizes, trained)).entries()) {
      assert.equal(buckets.length, sizes[index]);
      assert.equal(buckets[0], 0);
      assert.ok(buckets.every((bucket, at) => bucket >= (buckets[at - 1] ?? 0) && bucket < trained));
    }
  }
});
