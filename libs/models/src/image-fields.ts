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

/** The fields that say what becomes of a pixel's bytes. */
export interface PixelFields {
  readonly do_rescale: boolean;
  readonly rescale_factor: number;
  readonly do_normalize: boolean;
  readonly image_mean: z.output<typeof channels>;
  readonly image_std: z.output<typeof divisors>;
}

/** What a plan says of them: a step that the settings leave out changes nothing. */
export function pixelValues(raw: PixelFields) {
  return {
    rescale: raw.do_rescale ? raw.rescale_factor : 1,
    mean: raw.do_normalize ? raw.image_mean : NO_SHIFT,
    std: raw.do_normalize ? raw.image_std : NO_SCALE,
  };
}

const NO_SHIFT: z.output<typeof channels> = [0, 0, 0];
const NO_SCALE: z.output<typeof divisors> = [1, 1, 1];
