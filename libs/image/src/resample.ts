import type { Resample, Size } from './image-plan.ts';
import { resampleHeight } from './resample-height.ts';
import { resampleWidth } from './resample-width.ts';

/** An image of three 8-bit channels, interleaved, row by row. */
export interface RgbImage extends Size {
  readonly data: Uint8Array<ArrayBuffer>;
}

/**
 * Resizes as Pillow 13 does, to the last bit: two passes with fixed-point weights, rounded to 8 bits between, the filter
 * widened by the scale when it shrinks. Pillow is what the reference image processors resize with; libvips places and
 * rounds differently (up to 12 of 255 on average when it enlarges). An axis whose length stays is left alone. Returns
 * the source itself when nothing changes.
 */
export function resample(source: RgbImage, target: Size, filter: Resample): RgbImage {
  if (isHeightFirst(source, target)) {
    return resampleWidth(resampleHeight(source, target.height, filter), target.width, filter);
  }
  return resampleHeight(resampleWidth(source, target.width, filter), target.height, filter);
}

/**
 * Pillow's order of the passes, found by comparing sizes of both orders with its results; older versions always begin
 * with the width. The order shows in the last bit, because the image between the passes is rounded.
 */
function isHeightFirst(source: Size, target: Size): boolean {
  const shrinksBy = source.height - target.height;
  return shrinksBy > 0 && 2 * (source.width - target.width) < shrinksBy;
}
