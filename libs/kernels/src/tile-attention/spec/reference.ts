/** Rows of heads in memory: where the first element of a row's head is. */
export interface Rows {
  readonly data: Float32Array;
  readonly start: (position: number, head: number) => number;
}

/**
 * Attention of one row's head in float64 over the positions from `from` to before `to`; `group` heads of queries share
 * a head of keys.
 */
export function attendRow(options: {
  readonly query: Float32Array;
  readonly keys: Rows;
  readonly values: Rows;
  readonly kvHead: number;
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}): Float64Array {
  const { query, keys, values, kvHead, from, to, scale } = options;
  const scores: number[] = [];
  for (let position = from; position < to; position++) {
    const start = keys.start(position, kvHead);
    let score = 0;
    for (let element = 0; element < query.length; element++)
      score += (query[element] ?? NaN) * (keys.data[start + element] ?? NaN);
    scores.push(score * scale);
  }
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = scores.map((score) => Math.exp(score - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  const result = new Float64Array(query.length);
  for (const [index, weight] of weights.entries()) {
    const start = values.start(from + index, kvHead);
    for (let element = 0; element < result.length; element++)
      result[element] = (result[element] ?? 0) + (weight / sum) * (values.data[start + element] ?? NaN);
  }
  return result;
}

/** Largest absolute difference, and the largest expected number. Infinity where one of them is no number. */
export function compare(
  pairs: Iterable<{ readonly actual: ArrayLike<number>; readonly expected: ArrayLike<number> }>,
) {
  let [error, largest] = [0, 0];
  for (const { actual, expected } of pairs)
    for (let index = 0; index < expected.length; index++) {
      const [a, b] = [actual[index] ?? NaN, expected[index] ?? NaN];
      const difference = Math.abs(a - b);
      error = Number.isNaN(difference) ? Infinity : Math.max(error, difference);
      largest = Math.max(largest, Math.abs(b));
    }
  return { error, largest };
}

/** Numbers that look random, around zero with a deviation of 1. */
export function noise(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = Math.imul(seed, 2654435761);
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => 2 * (next() + next() + next()) - 3);
}
