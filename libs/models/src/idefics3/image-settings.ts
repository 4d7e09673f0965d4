import { z } from 'zod';
import { channels, divisors, pixelValues, resample } from '../image-fields.ts';
import { count, withDefault } from '../settings.ts';

/** The image processor's settings, every default filled in. */
export type Idefics3ImageSettings = z.output<typeof imageSettings>;

const longestEdge = z.object({ longest_edge: count });
const heightAndWidth = z.object({ height: count, width: count });

const HALVES: [number, number, number] = [0.5, 0.5, 0.5];

/** The settings of transformers' Idefics3ImageProcessor and SmolVLMImageProcessor, which are the same, as JSON. */
export const imageSettings = z
  .looseObject({
    do_resize: withDefault(z.boolean(), true),
    size: withDefault(z.union([longestEdge, heightAndWidth]), { longest_edge: 4 * 364 }),
    max_image_size: withDefault(longestEdge, { longest_edge: 364 }),
    do_image_splitting: withDefault(z.boolean(), true),
    resample: withDefault(resample, 'lanczos3'),
    do_rescale: withDefault(z.boolean(), true),
    rescale_factor: withDefault(z.number().positive(), 1 / 255),
    do_normalize: withDefault(z.boolean(), true),
    image_mean: withDefault(channels, HALVES),
    image_std: withDefault(divisors, HALVES),
  })
  .transform((raw) => ({
    /** The first resize: to a longest edge, to a fixed size, or none. */
    size: raw.do_resize ? raw.size : undefined,
    /** Edge of a tile in pixels. */
    tileSize: raw.max_image_size.longest_edge,
    /** Whether images are split into tiles when a request does not say. */
    split: raw.do_image_splitting,
    resample: raw.resample,
    ...pixelValues(raw),
  }));
