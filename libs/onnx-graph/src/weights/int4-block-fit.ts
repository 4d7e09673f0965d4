import { SMALLEST_SCALE } from './int8.ts';

/** Largest code of four bits. */
export const INT4_MAX = 15;

/** Zero point of a block that is all zeros. */
const NO_ZERO = 8;

/**
 * Shares of the range from a block's smallest to its largest element that are tried as the range of the codes.
 * Clipping the ends makes the steps between them finer; which share is best differs from block to block.
 */
const RANGE_SHARES = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7];

/**
 * Added to a small number and taken off again it rounds to the nearest integer, ties to even, as a double of this
 * size has no fractions: several times as fast as Math.round.
 */
const ROUNDER = 1.5 * 2 ** 52;

/** The nearest integer of a number below 2^51, ties to even. */
export function nearest(value: number): number {
  return value + ROUNDER - ROUNDER;
}

/** How a block is stored: w is about (code - zero) · scale. */
export interface Int4Block {
  readonly scale: number;
  /** Integer between 0 and 15. */
  readonly zero: number;
}

/**
 * Scale and zero point of the elements `rows[begin..end)`, at most 32 finite ones, with the least squared error among
 * several candidates. The codes of a candidate are the elements rounded to its steps; its scale is then the one that
 * fits these codes best, so that two sums tell its error. The range includes zero, which is a code of its own.
 */
export function fitInt4Block(rows: Float32Array, begin: number, end: number): Int4Block {
  let least = 0;
  let most = 0;
  for (let i = begin; i < end; i++) {
    const value = rows[i] ?? 0;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const step = (most - least) / INT4_MAX;
  if (step < SMALLEST_SCALE) return { scale: 0, zero: NO_ZERO };
  const zero = Math.round(-least / step);
  return { scale: bestScale(rows, begin, end, step, zero), zero };
}

/** The squared error is the sum of squares less `products² / squares`, the gain that is compared here. */
function bestScale(rows: Float32Array, begin: number, end: number, range: number, zero: number): number {
  const [lowest, highest] = [-zero, INT4_MAX - zero];
  let bestGain = 0;
  let scale = 0;
  for (const share of RANGE_SHARES) {
    const factor = 1 / (range * share);
    let products = 0;
    let squares = 0;
    for (let i = begin; i < end; i++) {
      const value = rows[i] ?? 0;
      const step = nearest(value * factor);
      const code = step < lowest ? lowest : step > highest ? highest : step;
      products += value * code;
      squares += code * code;
    }
    const gain = squares === 0 ? 0 : (products * products) / squares;
    if (gain <= bestGain) continue;
    bestGain = gain;
    scale = products / squares;
  }
  return Math.fround(scale);
}
