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

/** One axis of an image that changes its length. */
interface Axis {
  readonly from: number;
  readonly to: number;
  readonly filter: Resample;
}

/** Axes whose weights are kept: the two of each of two steps, as pictures of one size often follow each other. */
const KEPT_AXES = 4;

const kept: { readonly axis: Axis; readonly weights: ResampleWeights }[] = [];

/**
 * Pillow's weights for one axis: the filter around the centre of each output position, widened by the scale when it
 * shrinks, normalised to a sum of one and rounded to fixed point. The result is shared: it is only read.
 */
export function weightsOf(axis: Axis): ResampleWeights {
  const { from, to, filter } = axis;
  const known = kept.find(
    (entry) => entry.axis.from === from && entry.axis.to === to && entry.axis.filter === filter,
  );
  if (known) return known.weights;
  const weights = computeWeights(axis);
  kept.unshift({ axis: { from, to, filter }, weights });
  kept.length = Math.min(kept.length, KEPT_AXES);
  return weights;
}

function computeWeights(axis: Axis): ResampleWeights {
  const { from, to } = axis;
  let longest = 0;
  for (let position = 0; position < to; position += 1) {
    const { start, end } = runOf(axis, position);
    longest = Math.max(longest, end - start);
  }
  const pairs = Math.ceil(longest / 2);
  const weights = { starts: new Int32Array(to), pairs, halves: new Int16Array(4 * pairs * to) };
  const exact = new Float64Array(longest);
  for (let position = 0; position < to; position += 1) {
    const run = runOf(axis, position);
    const sum = weighRun(axis, run, exact);
    const start = Math.max(0, Math.min(run.start, from - 2 * pairs));
    weights.starts[position] = start;
    const place = 4 * pairs * position;
    for (let index = run.start; index < run.end; index += 1)
      setWeight(weights.halves, place, index - start, toFixedPoint((exact[index - run.start] ?? 0) / sum));
  }
  return weights;
}

/** The input positions that an output position is made of. */
interface Run {
  readonly center: number;
  readonly start: number;
  readonly end: number;
}

function runOf({ from, to, filter }: Axis, position: number): Run {
  const scale = from / to;
  const reach = FILTERS[filter].support * Math.max(scale, 1);
  const center = (position + 0.5) * scale;
  const start = Math.max(Math.trunc(center - reach + 0.5), 0);
  const end = Math.min(Math.trunc(center + reach + 0.5), from);
  return { center, start, end };
}

/** Writes the values of the filter over a run to `exact`, and adds them up. */
function weighRun({ from, to, filter }: Axis, { center, start, end }: Run, exact: Float64Array): number {
  const widening = Math.max(from / to, 1);
  const { weigh } = FILTERS[filter];
  let sum = 0;
  for (let index = start; index < end; index += 1) {
    const weight = weigh((index - center + 0.5) / widening);
    exact[index - start] = weight;
    sum += weight;
  }
  return sum;
}

/** Rounded half away from zero. */
function toFixedPoint(weight: number): number {
  const scaled = weight * 2 ** WEIGHT_BITS;
  return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

/** Storing a number as 16 bits keeps its low ones. */
function setWeight(halves: Int16Array, run: number, tap: number, weight: number): void {
  const low = run + 4 * (tap >> 1) + (tap & 1);
  halves[low] = weight;
  halves[low + 2] = (weight - (halves[low] ?? 0)) >> 16;
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
