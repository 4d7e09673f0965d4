import { type Code, i8x16, i16x8, i32, i32x4, type Local, v128 } from '@diptych/wasm';
import { WEIGHT_BITS } from './resample-weights.ts';

/** Bytes of memory, of any content, that the kernels may read or write behind an array. */
export const SLACK = 32;

/** Most bytes of pixels in the kernels' memory: a core's cache holds them. The rows that one row needs may be more. */
export const BAND_BYTES = 2 ** 18;

/** Bytes of a run's weights for each pair. */
export const RUN_BYTES = 8;

/** Half a unit of the result, to round by. */
export const HALF: Code = i32x4.splat(i32.const(1 << (WEIGHT_BITS - 1)));

/**
 * The sums of products with both halves of the weights, four of 32 bits each.
 *
 * A weight of 22 fraction bits takes a product of 32-bit numbers, of which one instruction makes four. Its halves fit
 * in 16 bits, and of products of those one instruction makes eight and adds them in pairs. Sums wrap at 32 bits, so
 * that of the upper halves, shifted by 16, added to that of the lower ones is the very sum.
 */
export interface Sum {
  readonly low: Local;
  readonly high: Local;
}

/** Locals for four sums, as a kernel declares them. */
export const SUM_LOCALS = {
  low0: 'v128',
  low1: 'v128',
  low2: 'v128',
  low3: 'v128',
  high0: 'v128',
  high1: 'v128',
  high2: 'v128',
  high3: 'v128',
} as const;

type SumLocals = Readonly<Record<keyof typeof SUM_LOCALS, Local>>;

/** The locals of a kernel that hold its sums. */
export function sumsOf({
  low0,
  low1,
  low2,
  low3,
  high0,
  high1,
  high2,
  high3,
}: SumLocals): readonly [Sum, Sum, Sum, Sum] {
  return [
    { low: low0, high: high0 },
    { low: low1, high: high1 },
    { low: low2, high: high2 },
    { low: low3, high: high3 },
  ];
}

/** Begins a sum, with what rounds it. */
export function begin({ low, high }: Sum, half: Local): Code[] {
  return [low.set(half.get), high.set(v128.zero)];
}

interface PairWeights {
  readonly lows: Local;
  readonly highs: Local;
}

/** Loads the weights of a pair and steps to the next. */
export function loadWeights(pair: Local, { lows, highs }: PairWeights): Code[] {
  return [
    lows.set(v128.loadSplat32(pair.get, 0)),
    highs.set(v128.loadSplat32(pair.get, 4)),
    advance(pair, RUN_BYTES),
  ];
}

/** Adds the products of eight 16-bit pixels, in pairs, with the weights of a pair. */
export function addProducts({ low, high }: Sum, pixels: Code, { lows, highs }: PairWeights): Code[] {
  return [
    low.set(i32x4.add(low.get, i32x4.dot(pixels, lows.get))),
    high.set(i32x4.add(high.get, i32x4.dot(pixels, highs.get))),
  ];
}

/** Sixteen sums, put together from their halves, as the nearest 8-bit integers. */
export function pack([first, second, third, fourth]: readonly [Sum, Sum, Sum, Sum]): Code {
  return i8x16.narrowUnsigned(
    i16x8.narrow(whole(first), whole(second)),
    i16x8.narrow(whole(third), whole(fourth)),
  );
}

function whole({ low, high }: Sum): Code {
  return i32x4.shiftRight(i32x4.add(low.get, i32x4.shiftLeft(high.get, 16)), WEIGHT_BITS);
}

/** Steps to an address further on. */
export function advance(address: Local, bytes: number): Code {
  return address.set(i32.add(address.get, i32.const(bytes)));
}
