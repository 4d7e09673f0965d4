import {
  type Code,
  defineFunction,
  f32,
  f32x4,
  f64,
  f64x2,
  i32,
  KernelModule,
  repeatWhile,
  v128,
} from '@diptych/wasm';
import { exponential } from './exponential.ts';

/** Numbers of a block: kernels keep a number or two for each block, so that later looks can pass over most of a row. */
export const BLOCK = 64;

/**
 * `scan(values, end, maxima)`: the largest of each block of float32 numbers, which are at least one block. Not 0 where a number is not finite; what
 * it says of maxima is void then, unless all of these are -Infinity.
 */
const scan = defineFunction({
  parameters: { values: 'i32', end: 'i32', maxima: 'i32' },
  locals: { value: 'v128', most: 'v128', residue: 'v128' },
  result: 'i32',
  body: ({ values, end, maxima, value, most, residue }) => [
    repeatWhile(i32.lessThan(values.get, end.get), [
      most.set(v128.load(values.get, 0)),
      ...each(BLOCK / 4, (index) => [
        value.set(v128.load(values.get, 16 * index)),
        most.set(f32x4.max(most.get, value.get)),
        // x - x is 0 for finite numbers alone.
        residue.set(v128.or(residue.get, f32x4.sub(value.get, value.get))),
      ]),
      f32.store(maxima.get, [0, 1, 2, 3].map((lane) => f32x4.lane(most.get, lane)).reduce(f32.max)),
      maxima.set(i32.add(maxima.get, i32.const(4))),
      values.set(i32.add(values.get, i32.const(4 * BLOCK))),
    ]),
    v128.anyTrue(residue.get),
  ],
});

/** Pairs of numbers that `weigh` takes between two jumps. */
const PAIRS = 4;

/**
 * `weigh(values, end, weights, sums, peaks, top, temperature, total)`: exp((value - top) / temperature) of each
 * float32 number as float64, for numbers of at most `top`. For each block its largest weight, and the sum of `total`
 * and all weights up to its end, added up one by one. The result is the last sum.
 */
const weigh = defineFunction({
  parameters: {
    values: 'i32',
    end: 'i32',
    weights: 'i32',
    sums: 'i32',
    peaks: 'i32',
    top: 'f64',
    temperature: 'f64',
    total: 'f64',
  },
  locals: {
    blockEnd: 'i32',
    tops: 'v128',
    temperatures: 'v128',
    peak: 'v128',
    x: 'v128',
    power: 'v128',
    r: 'v128',
    square: 'v128',
    weight: 'v128',
  },
  result: 'f64',
  body: ({ values, end, weights, sums, peaks, top, temperature, total, blockEnd, ...vectors }, constant) => {
    const { tops, temperatures, peak, x, weight } = vectors;
    const pair = (index: number): Code[] => [
      x.set(f64x2.promote(v128.loadHalf(values.get, 8 * index))),
      x.set(f64x2.div(f64x2.sub(x.get, tops.get), temperatures.get)),
      weight.set(exponential(vectors, constant)),
      v128.store(weights.get, weight.get, 16 * index),
      peak.set(f64x2.max(peak.get, weight.get)),
      total.set(f64.add(f64.add(total.get, f64x2.lane(weight.get, 0)), f64x2.lane(weight.get, 1))),
    ];
    return [
      tops.set(f64x2.splat(top.get)),
      temperatures.set(f64x2.splat(temperature.get)),
      repeatWhile(i32.lessThan(values.get, end.get), [
        peak.set(v128.zero),
        blockEnd.set(i32.add(values.get, i32.const(4 * BLOCK))),
        repeatWhile(i32.lessThan(values.get, blockEnd.get), [
          ...each(PAIRS, pair),
          values.set(i32.add(values.get, i32.const(8 * PAIRS))),
          weights.set(i32.add(weights.get, i32.const(16 * PAIRS))),
        ]),
        f64.store(sums.get, total.get),
        f64.store(peaks.get, f64.max(f64x2.lane(peak.get, 0), f64x2.lane(peak.get, 1))),
        sums.set(i32.add(sums.get, i32.const(8))),
        peaks.set(i32.add(peaks.get, i32.const(8))),
      ]),
      total.get,
    ];
  },
});

function each(count: number, code: (index: number) => readonly Code[]): Code[] {
  return Array.from({ length: count }, (_, index) => code(index)).flat();
}

/** The kernels, compiled once for all rows of a process. */
export const LOGIT_KERNELS = new KernelModule({ scan, weigh });
