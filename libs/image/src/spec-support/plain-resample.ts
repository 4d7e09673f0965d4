import type { Resample, Size } from '../image-plan.ts';
import type { RgbImage } from '../resample.ts';

/** `resample` number by number, as Pillow's fixed-point arithmetic reads; the kernels are held against it. */
export function resample(source: RgbImage, target: Size, filter: Resample): RgbImage {
  if (isHeightFirst(source, target)) {
    return resampleColumns(resampleRows(source, target.height, filter), target.width, filter);
  }
  return resampleRows(resampleColumns(source, target.width, filter), target.height, filter);
}

/**
 * Pillow's order of the passes, found by comparing sizes of both orders with its results; older versions always begin
 * with the width. The order shows in the last bit, because the image between the passes is rounded.
 */
function isHeightFirst(source: Size, target: Size): boolean {
  const shrinksBy = source.height - target.height;
  return shrinksBy > 0 && 2 * (source.width - target.width) < shrinksBy;
}

/** Fraction bits of a weight. A weight of 1 times 255, plus overshoot, stays within 32 bits. */
const WEIGHT_BITS = 22;
const HALF = 1 << (WEIGHT_BITS - 1);

/** Weights of each output position over a run of input positions. */
interface Weights {
  /** First input position of each output position. */
  readonly starts: Int32Array;
  /** Number of inputs of each output position. */
  readonly counts: Int32Array;
  /** Fixed-point weights, `stride` for each output position. */
  readonly values: Int32Array;
  readonly stride: number;
}

function resampleColumns(source: RgbImage, width: number, filter: Resample): RgbImage {
  if (width === source.width) return source;
  const weights = computeWeights(source.width, width, filter);
  const data = new Uint8Array(width * source.height * 3);
  for (let row = 0; row < source.height; row += 1) {
    resampleRow(source.data, row * source.width * 3, data, row * width * 3, weights);
  }
  return { width, height: source.height, data };
}

function resampleRow(
  from: Uint8Array,
  fromRow: number,
  to: Uint8Array,
  toRow: number,
  weights: Weights,
): void {
  const { starts, counts, values, stride } = weights;
  for (let x = 0; x < starts.length; x += 1) {
    let red = HALF;
    let green = HALF;
    let blue = HALF;
    let pixel = fromRow + (starts[x] ?? 0) * 3;
    const first = x * stride;
    const last = first + (counts[x] ?? 0);
    for (let k = first; k < last; k += 1, pixel += 3) {
      const weight = values[k] ?? 0;
      red = (red + Math.imul(from[pixel] ?? 0, weight)) | 0;
      green = (green + Math.imul(from[pixel + 1] ?? 0, weight)) | 0;
      blue = (blue + Math.imul(from[pixel + 2] ?? 0, weight)) | 0;
    }
    const out = toRow + x * 3;
    to[out] = clamp(red);
    to[out + 1] = clamp(green);
    to[out + 2] = clamp(blue);
  }
}

function resampleRows(source: RgbImage, height: number, filter: Resample): RgbImage {
  if (height === source.height) return source;
  const weights = computeWeights(source.height, height, filter);
  const rowLength = source.width * 3;
  const data = new Uint8Array(rowLength * height);
  const sums = new Int32Array(rowLength);
  for (let y = 0; y < height; y += 1) {
    sums.fill(HALF);
    const first = y * weights.stride;
    const rowWeights = weights.values.subarray(first, first + (weights.counts[y] ?? 0));
    addRows(sums, source.data, (weights.starts[y] ?? 0) * rowLength, rowWeights);
    for (let i = 0, out = y * rowLength; i < rowLength; i += 1, out += 1) data[out] = clamp(sums[i] ?? 0);
  }
  return { width: source.width, height, data };
}

/** Adds the weighted rows from `start` on, four at a time as long as there are: a sum is loaded and stored less often. */
function addRows(sums: Int32Array, from: Uint8Array, start: number, weights: Int32Array): void {
  const fours = weights.length - (weights.length % 4);
  for (let k = 0; k < fours; k += 4)
    addFourRows(sums, from, start + k * sums.length, weights.subarray(k, k + 4));
  for (let k = fours; k < weights.length; k += 1)
    addRow(sums, from, start + k * sums.length, weights[k] ?? 0);
}

function addFourRows(sums: Int32Array, from: Uint8Array, row: number, weights: Int32Array): void {
  const { length } = sums;
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = weights;
  const [second, third, fourth] = [row + length, row + 2 * length, row + 3 * length];
  for (let i = 0; i < length; i += 1) {
    const left = Math.imul(from[row + i] ?? 0, w0) + Math.imul(from[second + i] ?? 0, w1);
    const right = Math.imul(from[third + i] ?? 0, w2) + Math.imul(from[fourth + i] ?? 0, w3);
    sums[i] = ((sums[i] ?? 0) + ((left | 0) + (right | 0))) | 0;
  }
}

function addRow(sums: Int32Array, from: Uint8Array, row: number, weight: number): void {
  for (let i = 0; i < sums.length; i += 1)
    sums[i] = ((sums[i] ?? 0) + Math.imul(from[row + i] ?? 0, weight)) | 0;
}

function clamp(sum: number): number {
  const value = sum >> WEIGHT_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function computeWeights(from: number, to: number, filter: Resample): Weights {
  const scale = from / to;
  const widening = Math.max(scale, 1);
  const { support, weigh } = FILTERS[filter];
  const reach = support * widening;
  const stride = Math.ceil(reach) * 2 + 1;
  const weights = {
    starts: new Int32Array(to),
    counts: new Int32Array(to),
    values: new Int32Array(to * stride),
    stride,
  };
  for (let position = 0; position < to; position += 1) {
    const center = (position + 0.5) * scale;
    const start = Math.max(Math.trunc(center - reach + 0.5), 0);
    const end = Math.min(Math.trunc(center + reach + 0.5), from);
    const exact = Array.from({ length: end - start }, (_, k) => weigh((k + start - center + 0.5) / widening));
    weights.starts[position] = start;
    weights.counts[position] = end - start;
    weights.values.set(toFixedPoint(exact), position * stride);
  }
  return weights;
}

/** Weights that sum to one, rounded half away from zero. */
function toFixedPoint(exact: readonly number[]): number[] {
  const sum = exact.reduce((total, weight) => total + weight, 0);
  return exact.map((weight) => {
    const scaled = (weight / sum) * 2 ** WEIGHT_BITS;
    return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  });
}

const FILTERS: Readonly<Record<Resample, { support: number; weigh: (x: number) => number }>> = {
  lanczos3: { support: 3, weigh: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  bicubic: { support: 2, weigh: (x) => catmullRom(Math.abs(x)) },
  bilinear: { support: 1, weigh: (x) => Math.max(1 - Math.abs(x), 0) },
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Keys' cubic convolution with a = -0.5. */
function catmullRom(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return -0.5 * (((x - 5) * x + 8) * x - 4);
  return 0;
}
