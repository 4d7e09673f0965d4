import type { Resample } from './image-plan.ts';

/** Fraction bits of a weight, as Pillow has them. A weight of 1 times 255, plus overshoot, stays within 32 bits. */
export const WEIGHT_BITS = 22;

/** Weights of each output position over a run of input positions, as the kernels take them. */
export interface ResampleWeights {
  /** First input position of each output position. */
  readonly starts: Int32Array;
  /**
   * Pairs of input positions in each run. The runs of all output positions have one length, weights of 0 fill them up.
   * They end at the last input position at most, or one behind it if all are in.
   */
  readonly pairs: number;
  /**
   * `4 * pairs` numbers for each output position: the low 16 bits, signed, of the weights of a pair, then what is left
   * of both, divided by 2^16.
   */
  readonly halves: Int16Array;
}

/**
 * Pillow's weights for one axis: the filter around the centre of each output position, widened by the scale when it
 * shrinks, normalised to a sum of one and rounded to fixed point.
 */
export function computeWeights(from: number, to: number, filter: Resample): ResampleWeights {
  const runs = Array.from({ length: to }, (_, position) => runOf(position, { from, to, filter }));
  const pairs = Math.ceil(runs.reduce((most, { weights }) => Math.max(most, weights.length), 0) / 2);
  const starts = Int32Array.from(runs, ({ start }) => Math.max(0, Math.min(start, from - 2 * pairs)));
  const halves = new Int16Array(4 * pairs * to);
  for (const [position, { start, weights }] of runs.entries()) {
    const run = halves.subarray(4 * pairs * position, 4 * pairs * (position + 1));
    setHalves(run, start - (starts[position] ?? start), weights);
  }
  return { starts, pairs, halves };
}

interface Run {
  readonly start: number;
  /** Fixed-point numbers. */
  readonly weights: readonly number[];
}

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly filter: Resample;
}

function runOf(position: number, { from, to, filter }: Axis): Run {
  const scale = from / to;
  const widening = Math.max(scale, 1);
  const { support, weigh } = FILTERS[filter];
  const reach = support * widening;
  const center = (position + 0.5) * scale;
  const start = Math.max(Math.trunc(center - reach + 0.5), 0);
  const end = Math.min(Math.trunc(center + reach + 0.5), from);
  const exact = Array.from({ length: end - start }, (_, k) => weigh((k + start - center + 0.5) / widening));
  return { start, weights: toFixedPoint(exact) };
}

/** Weights that sum to one, rounded half away from zero. */
function toFixedPoint(exact: readonly number[]): number[] {
  const sum = exact.reduce((total, weight) => total + weight, 0);
  return exact.map((weight) => {
    const scaled = (weight / sum) * 2 ** WEIGHT_BITS;
    return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  });
}

/** Storing a number as 16 bits keeps its low ones. */
function setHalves(run: Int16Array, first: number, weights: readonly number[]): void {
  for (const [index, weight] of weights.entries()) {
    const tap = first + index;
    const low = 4 * (tap >> 1) + (tap & 1);
    run[low] = weight;
    run[low + 2] = (weight - (run[low] ?? 0)) >> 16;
  }
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
