import type { CachedAttentionOptions } from '../attention-sizes.ts';

/** Inputs of a step of a decoder's attention: new rows, and the cache, which is NaN behind what it holds. */
export interface Step {
  /** Positions of each sequence after the step. */
  readonly totals: readonly number[];
  /** New rows of each sequence. */
  readonly length: number;
  readonly capacity: number;
  readonly qkv: Float32Array<ArrayBuffer>;
  readonly keys: Float32Array<ArrayBuffer>;
  readonly values: Float32Array<ArrayBuffer>;
  readonly cos: Float32Array<ArrayBuffer>;
  readonly sin: Float32Array<ArrayBuffer>;
}

/** A step of random numbers. */
export function attentionStep(
  { heads, kvHeads, headDim }: CachedAttentionOptions,
  { totals, length }: { readonly totals: readonly number[]; readonly length: number },
): Step {
  const capacity = Math.max(...totals) + 3;
  const batch = totals.length;
  const angles = Array.from({ length: (capacity * headDim) / 2 }, (_, index) => {
    const pair = index % (headDim / 2);
    return Math.floor(index / (headDim / 2)) / 10_000 ** ((2 * pair) / headDim);
  });
  const cache = (seed: number) => {
    const rows = noise(batch * kvHeads * capacity * headDim, seed);
    for (const [sequence, total] of totals.entries())
      for (let head = 0; head < kvHeads; head++) {
        const start = (sequence * kvHeads + head) * capacity;
        rows.fill(Number.NaN, (start + total - length) * headDim, (start + capacity) * headDim);
      }
    return rows;
  };
  return {
    totals,
    length,
    capacity,
    qkv: noise(batch * length * (heads + 2 * kvHeads) * headDim, 1),
    keys: cache(2),
    values: cache(3),
    cos: Float32Array.from(angles, Math.cos),
    sin: Float32Array.from(angles, Math.sin),
  };
}

/** A copy, as a step writes to its cache; of one of its sequences alone where that is named. */
export function stepOf(step: Step, sequence?: number): Step {
  const batch = step.totals.length;
  const part = (rows: Float32Array<ArrayBuffer>) => {
    const size = rows.length / batch;
    return sequence === undefined ? rows.slice() : rows.slice(sequence * size, (sequence + 1) * size);
  };
  return {
    ...step,
    totals: sequence === undefined ? step.totals : step.totals.slice(sequence, sequence + 1),
    qkv: part(step.qkv),
    keys: part(step.keys),
    values: part(step.values),
  };
}

/** A step of some of the rows of another one of a single sequence, which writes to the same cache. */
export function rowsOf(
  step: Step,
  { start, length }: { readonly start: number; readonly length: number },
): Step {
  const [total = 0] = step.totals;
  const width = step.qkv.length / step.length;
  return {
    ...step,
    totals: [total - step.length + start + length],
    length,
    qkv: step.qkv.slice(start * width, (start + length) * width),
  };
}

/** The definition, in float64: rotated queries and keys, softmax over what a row sees, weighed values. */
export function expectedRows(options: CachedAttentionOptions, step: Step): Float64Array {
  const { heads, kvHeads, headDim } = options;
  const rows = step.totals.flatMap((total, sequence) =>
    Array.from({ length: step.length }, (_, row) => ({ sequence, row, position: total - step.length + row })),
  );
  const output = new Float64Array(rows.length * heads * headDim);
  for (const [number, { sequence, row, position }] of rows.entries())
    for (let head = 0; head < heads; head++) {
      const query = rotated(step, head * headDim, { sequence, row, position, ...options });
      const shared = Math.floor((head * kvHeads) / heads);
      const result = weighed(options, step, { sequence, position, head: shared, query });
      output.set(result, (number * heads + head) * headDim);
    }
  return output;
}

interface Place {
  readonly sequence: number;
  readonly position: number;
  readonly head: number;
}

function weighed(
  options: CachedAttentionOptions,
  step: Step,
  { query, ...place }: Place & { readonly query: Float64Array },
): Float64Array {
  const { headDim, scale, slidingWindow = Number.POSITIVE_INFINITY } = options;
  const first = Math.max(0, place.position + 1 - slidingWindow);
  const seen = Array.from({ length: place.position + 1 - first }, (_, index) => first + index);
  const scores = seen.map((position) => {
    const key = cacheRow('key', options, step, { ...place, position });
    return scale * dot(query, key);
  });
  const largest = scores.reduce((a, b) => Math.max(a, b));
  const weights = scores.map((score) => Math.exp(score - largest));
  const sum = weights.reduce((a, b) => a + b);
  const result = new Float64Array(headDim);
  for (const [index, position] of seen.entries()) {
    const value = cacheRow('value', options, step, { ...place, position });
    const weight = (weights[index] ?? Number.NaN) / sum;
    for (let column = 0; column < headDim; column++)
      result[column] = (result[column] ?? 0) + (value[column] ?? Number.NaN) * weight;
  }
  return result;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? Number.NaN) * (b[index] ?? Number.NaN);
  return sum;
}

/** A key or value of a position: of the cache, or one of the new ones. */
function cacheRow(
  kind: 'key' | 'value',
  options: CachedAttentionOptions,
  step: Step,
  { sequence, position, head }: Place,
): ArrayLike<number> {
  const { heads, kvHeads, headDim } = options;
  const row = position - ((step.totals[sequence] ?? 0) - step.length);
  if (row < 0) {
    const start = ((sequence * kvHeads + head) * step.capacity + position) * headDim;
    return step[kind === 'key' ? 'keys' : 'values'].subarray(start, start + headDim);
  }
  if (kind === 'key') return rotated(step, (heads + head) * headDim, { sequence, row, position, ...options });
  const start = rowStart(step, { sequence, row, ...options }) + (heads + kvHeads + head) * headDim;
  return step.qkv.subarray(start, start + headDim);
}

/** A new row's head at `column`, rotated by halves. */
function rotated(
  step: Step,
  column: number,
  place: CachedAttentionOptions & {
    readonly sequence: number;
    readonly row: number;
    readonly position: number;
  },
): Float64Array {
  const { headDim, position } = place;
  const half = headDim / 2;
  const start = rowStart(step, place) + column;
  const head = step.qkv.subarray(start, start + headDim);
  return Float64Array.from(head, (element, index) => {
    const angle = position * half + (index % half);
    const other = head[(index + half) % headDim] ?? Number.NaN;
    const sin = (step.sin[angle] ?? Number.NaN) * (index < half ? -1 : 1);
    return element * (step.cos[angle] ?? Number.NaN) + other * sin;
  });
}

function rowStart(
  { length }: Step,
  {
    sequence,
    row,
    heads,
    kvHeads,
    headDim,
  }: CachedAttentionOptions & { readonly sequence: number; readonly row: number },
): number {
  return (sequence * length + row) * (heads + 2 * kvHeads) * headDim;
}

/** Deterministic numbers between -2 and 2 that look random. */
function noise(length: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 30 - 2;
  });
}
