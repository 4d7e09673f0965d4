import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hadamard, rotate, rotationBlock } from './rotation.ts';

test('a rotation by blocks is the product with the Hadamard matrix of each block', () => {
  for (const block of [1, 2, 8, 64]) {
    const row = Float32Array.from({ length: 3 * block }, (_, index) => Math.sin(index * index));
    const matrix = hadamard(block);
    const expected = Array.from(row, (_, index) => {
      const [first, column] = [index - (index % block), index % block];
      let sum = 0;
      for (let k = 0; k < block; k++) sum += (row[first + k] ?? 0) * (matrix[k * block + column] ?? 0);
      return sum;
    });
    const rotated = row.slice();
    rotate(rotated, 0, rotated.length, block);
    rotated.forEach((value, index) => assert.ok(Math.abs(value - (expected[index] ?? Number.NaN)) < 1e-5));
  }
});

test('rotates the elements that it is asked to alone, and back when it is done twice', () => {
  const row = Float32Array.from({ length: 96 }, (_, index) => index - 40);
  const rotated = row.slice();
  rotate(rotated, 32, 64, 16);
  assert.deepEqual([rotated.subarray(0, 32), rotated.subarray(64)], [row.subarray(0, 32), row.subarray(64)]);
  assert.notDeepEqual(rotated, row);
  rotate(rotated, 32, 64, 16);
  rotated.forEach((value, index) => assert.ok(Math.abs(value - (row[index] ?? Number.NaN)) < 1e-4));
});

test('an element that stands out by itself is left with an eighth of its size', () => {
  const row = new Float32Array(128);
  row[70] = 80;
  rotate(row, 0, 128, 64);
  assert.equal(Math.max(...row.map(Math.abs)), 10);
});

test('every row holds at least two blocks of at most 64, and they fill it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20_000 }), (columns) => {
      const block = rotationBlock(columns);
      assert.ok(block <= 64 && columns % block === 0 && columns / block >= 2, `${columns}: ${block}`);
    }),
  );
  assert.deepEqual([576, 1536, 1152, 4304, 64, 33, 1].map(rotationBlock), [64, 64, 64, 16, 32, 1, 1]);
});
