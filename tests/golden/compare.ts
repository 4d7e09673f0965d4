import assert from 'node:assert/strict';

/** The largest difference between two arrays of equal length. */
export function largestDifference(actual: Float32Array, expected: Float32Array): number {
  assert.equal(actual.length, expected.length);
  return actual.reduce(
    (largest, value, index) => Math.max(largest, Math.abs(value - (expected[index] ?? NaN))),
    0,
  );
}

/** The mean of the differences between two arrays of equal length. */
export function meanDifference(actual: Float32Array, expected: Float32Array): number {
  assert.equal(actual.length, expected.length);
  const sum = actual.reduce((total, value, index) => total + Math.abs(value - (expected[index] ?? NaN)), 0);
  return sum / actual.length;
}

/** Index of the largest value, the first of equal ones. */
export function argmax(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > (values[best] ?? -Infinity) ? index : best), 0);
}

/** The values after a trip through float16, which is how features travel between the stages. */
export function throughFloat16(values: Float32Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(values, (value) => Math.f16round(value));
}
