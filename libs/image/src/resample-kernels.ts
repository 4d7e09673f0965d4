import {
  type Code,
  defineFunction,
  i8x16,
  i16x8,
  i32,
  i32x4,
  KernelModule,
  type Local,
  repeatWhile,
  v128,
} from '@diptych/wasm';
import { WEIGHT_BITS } from './resample-weights.ts';

/*
 * A weight of 22 fraction bits times an 8-bit value is a product of 32 bits, of which one instruction makes four. Its
 * halves times the value are products of 16 bits, of which one makes eight and adds them in pairs. Sums wrap at 32
 * bits, so that of the upper halves, shifted by 16, added to that of the lower ones is the very sum.
 */

/** Rows that `columns` takes at once: the weights of a pixel are loaded once for all, and their sums fill the registers. */
export const ROWS_AT_ONCE = 4;

/** Bytes of memory, of any content, that the kernels may read or write behind an array. */
export const SLACK = 32;

/** Most bytes of pixels in the kernels' memory: a core's cache holds them. The rows that one row needs may be more. */
export const BAND_BYTES = 2 ** 20;

/** Bytes of a run's weights for each pair. */
export const RUN_BYTES = 8;

const HALF: Code = i32x4.splat(i32.const(1 << (WEIGHT_BITS - 1)));

/** Red, green and blue of two pixels as 16-bit numbers, in pairs; 16 names no lane, so it is 0. */
const PIXEL_PAIR = [0, 16, 3, 16, 1, 16, 4, 16, 2, 16, 5, 16, 16, 16, 16, 16];

/**
 * `columns(from, fromRow, to, toRow, starts, startsEnd, halves, runBytes)`: four rows of RGB pixels, `fromRow` bytes
 * from one to the next, become four rows of another width, `toRow` bytes apart. `starts` are in bytes. The result is
 * the end of the first row.
 */
const columns = defineFunction({
  parameters: {
    from: 'i32',
    fromRow: 'i32',
    to: 'i32',
    toRow: 'i32',
    starts: 'i32',
    startsEnd: 'i32',
    halves: 'i32',
    runBytes: 'i32',
  },
  locals: {
    from0: 'i32',
    from1: 'i32',
    from2: 'i32',
    from3: 'i32',
    to1: 'i32',
    to2: 'i32',
    to3: 'i32',
    low0: 'v128',
    low1: 'v128',
    low2: 'v128',
    low3: 'v128',
    high0: 'v128',
    high1: 'v128',
    high2: 'v128',
    high3: 'v128',
    pixels: 'v128',
    lows: 'v128',
    highs: 'v128',
    half: 'v128',
    order: 'v128',
    runEnd: 'i32',
  },
  result: 'i32',
  body: ({ from, fromRow, to, toRow, starts, startsEnd, halves, runBytes, ...locals }) => {
    const { from0, from1, from2, from3, to1, to2, to3, pixels, lows, highs, half, order, runEnd } = locals;
    const froms = [from0, from1, from2, from3];
    const tos = [to, to1, to2, to3];
    const sums = sumsOf(locals);
    return [
      half.set(HALF),
      order.set(i8x16.const(PIXEL_PAIR)),
      ...follow(tos, toRow),
      repeatWhile(i32.lessThan(starts.get, startsEnd.get), [
        from0.set(i32.add(from.get, i32.load(starts.get))),
        ...follow(froms, fromRow),
        ...sums.flatMap((sum) => begin(sum, half)),
        runEnd.set(i32.add(halves.get, runBytes.get)),
        repeatWhile(i32.lessThan(halves.get, runEnd.get), [
          ...loadWeights(halves, { lows, highs }),
          ...sums.flatMap((sum, row) => {
            const pixel = froms[row] ?? from0;
            return [
              pixels.set(i8x16.swizzle(v128.load(pixel.get, 0), order.get)),
              ...addProducts(sum, pixels.get, { lows, highs }),
              advance(pixel, 6),
            ];
          }),
        ]),
        pixels.set(pack(sums)),
        ...tos.flatMap((out, row) => [
          v128.storeLane16(out.get, pixels.get, { lane: 2 * row, offset: 0 }),
          v128.storeLane8(out.get, pixels.get, { lane: 4 * row + 2, offset: 2 }),
          advance(out, 3),
        ]),
        advance(starts, 4),
      ]),
      to.get,
    ];
  },
});

/** Bytes of a row that `row` makes at once. */
const ROW_STEP = 16;

/**
 * `row(from, fromRow, to, toEnd, halves, runBytes)`: one row out of the rows from `from` on, `fromRow` bytes from one to
 * the next. It is written in steps of 16 bytes, beyond `toEnd` where its length is none. The result is where it ends.
 */
const row = defineFunction({
  parameters: { from: 'i32', fromRow: 'i32', to: 'i32', toEnd: 'i32', halves: 'i32', runBytes: 'i32' },
  locals: {
    upper: 'i32',
    lower: 'i32',
    pair: 'i32',
    runEnd: 'i32',
    low0: 'v128',
    low1: 'v128',
    low2: 'v128',
    low3: 'v128',
    high0: 'v128',
    high1: 'v128',
    high2: 'v128',
    high3: 'v128',
    top: 'v128',
    bottom: 'v128',
    both: 'v128',
    pixels: 'v128',
    lows: 'v128',
    highs: 'v128',
    half: 'v128',
  },
  result: 'i32',
  body: ({ from, fromRow, to, toEnd, halves, runBytes, upper, lower, pair, runEnd, ...vectors }) => {
    const { top, bottom, both, pixels, lows, highs, half } = vectors;
    const sums = sumsOf(vectors);
    const addQuarters = (first: number, lanes: readonly number[]): Code[] => [
      both.set(i8x16.shuffle(top.get, bottom.get, lanes)),
      ...[i16x8.extendLowUnsigned, i16x8.extendHighUnsigned].flatMap((extend, index) => [
        pixels.set(extend(both.get)),
        ...sums
          .slice(first + index, first + index + 1)
          .flatMap((sum) => addProducts(sum, pixels.get, { lows, highs })),
      ]),
    ];
    return [
      half.set(HALF),
      runEnd.set(i32.add(halves.get, runBytes.get)),
      repeatWhile(i32.lessThan(to.get, toEnd.get), [
        upper.set(from.get),
        pair.set(halves.get),
        ...sums.flatMap((sum) => begin(sum, half)),
        repeatWhile(i32.lessThan(pair.get, runEnd.get), [
          lower.set(i32.add(upper.get, fromRow.get)),
          top.set(v128.load(upper.get, 0)),
          bottom.set(v128.load(lower.get, 0)),
          ...loadWeights(pair, { lows, highs }),
          ...addQuarters(0, interleaving(0)),
          ...addQuarters(2, interleaving(8)),
          upper.set(i32.add(lower.get, fromRow.get)),
        ]),
        v128.store(to.get, pack(sums), 0),
        advance(from, ROW_STEP),
        advance(to, ROW_STEP),
      ]),
      to.get,
    ];
  },
});

/** Eight lanes of one vector from `first` on, each followed by that of another. */
function interleaving(first: number): number[] {
  return Array.from({ length: 16 }, (_, index) => first + (index >> 1) + 16 * (index & 1));
}

/** The sums of products with both halves of the weights, four of 32 bits each. */
interface Sum {
  readonly low: Local;
  readonly high: Local;
}

type SumLocals = Readonly<Record<`${'low' | 'high'}${0 | 1 | 2 | 3}`, Local>>;

function sumsOf({
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

function begin({ low, high }: Sum, half: Local): Code[] {
  return [low.set(half.get), high.set(v128.zero)];
}

interface PairWeights {
  readonly lows: Local;
  readonly highs: Local;
}

/** Loads the weights of a pair and steps to the next. */
function loadWeights(pair: Local, { lows, highs }: PairWeights): Code[] {
  return [
    lows.set(v128.loadSplat32(pair.get, 0)),
    highs.set(v128.loadSplat32(pair.get, 4)),
    advance(pair, RUN_BYTES),
  ];
}

function addProducts({ low, high }: Sum, pixels: Code, { lows, highs }: PairWeights): Code[] {
  return [
    low.set(i32x4.add(low.get, i32x4.dot(pixels, lows.get))),
    high.set(i32x4.add(high.get, i32x4.dot(pixels, highs.get))),
  ];
}

/** Sixteen sums, put together from their halves, as the nearest 8-bit integers. */
function pack([first, second, third, fourth]: readonly [Sum, Sum, Sum, Sum]): Code {
  return i8x16.narrowUnsigned(
    i16x8.narrow(whole(first), whole(second)),
    i16x8.narrow(whole(third), whole(fourth)),
  );
}

function whole({ low, high }: Sum): Code {
  return i32x4.shiftRight(i32x4.add(low.get, i32x4.shiftLeft(high.get, 16)), WEIGHT_BITS);
}

function advance(address: Local, bytes: number): Code {
  return address.set(i32.add(address.get, i32.const(bytes)));
}

/** Each address `distance` behind the one before. */
function follow(addresses: readonly Local[], distance: Local): Code[] {
  return addresses
    .slice(1)
    .map((address, index) => address.set(i32.add((addresses[index] ?? address).get, distance.get)));
}

/** The kernels, compiled once for a thread. */
export const RESAMPLE_KERNELS = new KernelModule({ columns, row });
