import type { Resample } from '@diptych/image';
import { z } from 'zod';

/** Pillow's numbers of the filters. */
const FILTERS: Readonly<Partial<Record<number, Resample>>> = { 1: 'lanczos3', 2: 'bilinear', 3: 'bicubic' };

/** `resample` of an image processor: Pillow's number of a filter. */
export const resample = z.int().transform((filter, context): Resample => {
  const known = FILTERS[filter];
  if (known) return known;
  context.addIssue('must be 1 (lanczos), 2 (bilinear) or 3 (bicubic)');
  return z.NEVER;
});

/** One number for each of red, green and blue: `image_mean`. */
export const channels = z.tuple([z.number(), z.number(), z.number()]);

/** One number above zero for each of red, green and blue: `image_std`. */
export const divisors = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);

/** The mean where nothing is normalised. */
export const NO_SHIFT: [number, number, number] = [0, 0, 0];

/** The deviation where nothing is normalised. */
export const NO_SCALE: [number, number, number] = [1, 1, 1];
