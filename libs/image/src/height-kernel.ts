import { type Code, defineFunction, i8x16, i16x8, i32, KernelModule, repeatWhile, v128 } from '@diptych/wasm';
import { addProducts, advance, begin, HALF, loadWeights, pack, SUM_LOCALS, sumsOf } from './resample-sums.ts';

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
    ...SUM_LOCALS,
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

/** The kernel, compiled once for a thread. */
export const HEIGHT_KERNELS = new KernelModule({ row });
