import {
  type Code,
  defineFunction,
  i8x16,
  i32,
  KernelModule,
  type Local,
  repeatWhile,
  v128,
} from '@diptych/wasm';
import { addProducts, advance, begin, HALF, loadWeights, pack, SUM_LOCALS, sumsOf } from './resample-sums.ts';

/** Rows that `columns` takes at once: the weights of a pixel are loaded once for all, and their sums fill the registers. */
export const ROWS_AT_ONCE = 4;

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
    ...SUM_LOCALS,
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

/** Each address `distance` behind the one before. */
function follow(addresses: readonly Local[], distance: Local): Code[] {
  return addresses
    .slice(1)
    .map((address, index) => address.set(i32.add((addresses[index] ?? address).get, distance.get)));
}

/** The kernel, compiled once for a thread. */
export const WIDTH_KERNELS = new KernelModule({ columns });
