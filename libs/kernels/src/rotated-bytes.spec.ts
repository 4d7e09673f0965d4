import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AVX512, processorHas } from './processor.ts';
import { rotatedBytes } from './rotated-bytes.ts';
import { noise } from './spec/noise.ts';
import { runOperator } from './spec/run-operator.ts';

const skip = processorHas(AVX512) ? false : 'this processor has no AVX-512';

async function quantize(rows: Float32Array, sizes: { columns: number; block: number }, threads?: number) {
  const { columns } = sizes;
  const count = rows.length / columns;
  const bytes = new Uint8Array(rows.length);
  const peaks = new Float32Array(count);
  await runOperator(rotatedBytes(sizes), {
    inputs: [{ shape: [1, count, columns], data: rows }],
    outputs: [
      { shape: [1, count, columns], data: bytes },
      { shape: [1, count, 1], data: peaks },
    ],
    ...(threads === undefined ? {} : { threads }),
  });
  return { bytes, peaks };
}

/** A row times the normalised Hadamard matrix of each block, in float64. */
function rotated(row: Float32Array, block: number): Float64Array {
  const sign = (a: number, b: number) => {
    let ones = 0;
    for (let both = a & b; both > 0; both &= both - 1) ones += 1;
    return ones % 2 === 0 ? 1 : -1;
  };
  return Float64Array.from(row, (_, index) => {
    const start = index - (index % block);
    let sum = 0;
    for (let i = 0; i < block; i++) sum += sign(i, index % block) * (row[start + i] ?? 0);
    return sum / Math.sqrt(block);
  });
}

for (const sizes of [
  { columns: 576, block: 64 },
  { columns: 1536, block: 64 },
  { columns: 96, block: 32 },
  { columns: 48, block: 16 },
]) {
  test(`rows of ${sizes.columns} in blocks of ${sizes.block} become the nearest bytes`, {
    skip,
  }, async () => {
    const { columns, block } = sizes;
    const rows = noise(columns * 21, 7);
    const { bytes, peaks } = await quantize(rows, sizes);
    for (const [number, peak] of peaks.entries()) {
      const expected = rotated(rows.subarray(number * columns, (number + 1) * columns), block);
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assert.ok(Math.abs(peak - largest) < 1e-6 * largest, `the peak of row ${number}`);
      for (const [index, value] of expected.entries()) {
        const byte = bytes[number * columns + index] ?? Number.NaN;
        assert.ok(Math.abs((value / largest) * 127 + 128 - byte) < 0.501, `byte ${index} of row ${number}`);
      }
    }
  });
}

test('a row becomes the same alone and among others, on one thread and on several', { skip }, async () => {
  const sizes = { columns: 576, block: 64 };
  const rows = noise(576 * 37, 3);
  const whole = await quantize(rows, sizes, 3);
  assert.deepEqual(await quantize(rows, sizes, 1), whole);
  for (const number of [0, 7, 8, 36]) {
    const alone = await quantize(rows.slice(number * 576, (number + 1) * 576), sizes);
    assert.deepEqual(alone.bytes, whole.bytes.slice(number * 576, (number + 1) * 576));
    assert.deepEqual(alone.peaks, whole.peaks.slice(number, number + 1));
  }
});

test('a row of zeros has a peak of zero', { skip }, async () => {
  const { peaks } = await quantize(new Float32Array(96), { columns: 96, block: 32 });
  assert.deepEqual([...peaks], [0]);
});
