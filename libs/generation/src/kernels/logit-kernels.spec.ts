import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogitRow } from '../logit-row.ts';
import { BLOCK } from './logit-kernels.ts';

function rowOf(logits: readonly number[]): LogitRow {
  const row = new LogitRow(logits.length);
  assert.ok(row.load(Float32Array.from(logits)));
  return row;
}

/** At the edges of a block and between, in whole blocks and in a rest. */
const SIZES = [1, 3, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 17];

test('a number that is not finite is found wherever it stands', () => {
  for (const size of SIZES) {
    const row = new LogitRow(size);
    for (let place = 0; place < size; place++) {
      for (const poison of [Number.NaN, Infinity, -Infinity]) {
        const logits = new Float32Array(size).fill(1);
        logits[place] = poison;
        assert.equal(row.load(logits), false, `${poison} at ${place} of ${size}`);
        assert.equal(row.load(new Float32Array(size).fill(3.4e38)), true);
      }
    }
  }
});

test('the largest logit is found wherever it stands, the first among equals', () => {
  for (const size of SIZES) {
    for (let place = 0; place < size; place++) {
      const row = rowOf(Array.from({ length: size }, (_, id) => (id < place ? -2 : -1)));
      assert.deepEqual([row.top, row.argmax()], [-1, place]);
    }
  }
});

test('weights are exp to about a unit in the last place', () => {
  const row = rowOf(Array.from({ length: 50_000 }, (_, id) => -id / 70));
  for (const temperature of [0.3, 0.7, 1, 2]) {
    row.weigh({ top: 0, temperature });
    for (const [id, logit] of row.values.entries()) {
      const x = logit / temperature;
      const expected = x < -708 ? 0 : Math.exp(x);
      const weight = row.weights[id] ?? Number.NaN;
      if (Math.abs(weight - expected) <= 1.5 * 2 ** -52 * expected) continue;
      assert.fail(`exp(${x}) is ${expected}, not ${weight}`);
    }
  }
});

test('the weight of the largest is 1, and nothing weighs what is out of reach', () => {
  const row = rowOf([7, -1e30, 7, 0]);
  row.change((logits) => {
    logits[3] = -Infinity;
  });
  assert.equal(row.weigh({ top: 7, temperature: 0.5 }), 2);
  assert.deepEqual([...row.weights.subarray(0, 5)], [1, 0, 1, 0, 0]);
});

test('sums are added up one weight after the other, and peaks are the largest of each block', () => {
  for (const size of SIZES) {
    const row = rowOf(Array.from({ length: size }, (_, id) => Math.sin(id) * 5));
    const { top } = row;
    const total = row.weigh({ top, temperature: 0.7 });
    let sum = 0;
    row.sums.forEach((blockSum, block) => {
      const weights = row.weights.subarray(block * BLOCK, (block + 1) * BLOCK);
      for (const weight of weights) sum += weight;
      assert.equal(blockSum, sum);
      assert.equal(row.peaks[block], Math.max(...weights));
    });
    assert.equal(total, sum);
  }
});
