import assert from 'node:assert/strict';

/** The middle value; the mean of the two in the middle where there is an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [upper, lower] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle) - 1]];
  assert.ok(upper !== undefined && lower !== undefined, 'a median of nothing');
  return (upper + lower) / 2;
}

/** The smallest value that at least `share` (0 to 1) of the values do not exceed: with few values the largest. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)];
  assert.ok(value !== undefined, 'a percentile of nothing');
  return value;
}

/** The median of the ratios of values that were measured side by side. */
export function medianRatio(values: readonly number[], divisors: readonly number[]): number {
  const pairs = Math.min(values.length, divisors.length);
  return median(
    Array.from({ length: pairs }, (_, index) => (values[index] ?? NaN) / (divisors[index] ?? NaN)),
  );
}
