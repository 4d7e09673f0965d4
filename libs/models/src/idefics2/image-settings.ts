import { z } from 'zod';
import { channels, divisors, pixelValues, resample } from '../image-fields.ts';
import { count, withDefault } from '../settings.ts';

/** The image processor's settings, every default filled in. */
export type Idefics2ImageSettings = z.output<typeof imageSettings>;

const edges = z.object({ shortest_edge: count, longest_edge: count });
const heightAndWidth = z.object({ height: count, width: count });

const HALVES: [number, number, number] = [0.5, 0.5, 0.5];

/**
 * The settings of transformers' Idefics2ImageProcessor as JSON. Its `do_pad` fills up a batch and never changes an
 * image; `do_convert_rgb` is taken for granted, because the tower has three channels.
 */
export const imageSettings = z
  .looseObject({
    do_resize: withDefault(z.boolean(), true),
    size: withDefault(z.union([edges, heightAndWidth]), { shortest_edge: 378, longest_edge: 980 }),
    do_image_splitting: withDefault(z.boolean(), false),
    resample: withDefault(resample, 'bilinear'),
    do_rescale: withDefault(z.boolean(), true),
    rescale_factor: withDefault(z.number().positive(), 1 / 255),
    do_normalize: withDefault(z.boolean(), true),
    image_mean: withDefault(channels, HALVES),
    image_std: withDefault(divisors, HALVES),
  })
  .transform((raw) => ({
    /** The resize: between two edges in proportion, to a fixed size, or none. */
    size: raw.do_resize ? raw.size : undefined,
    /** Whether images are split into quarters when a request does not say. */
    split: raw.do_image_splitting,
    resample: raw.resample,
    ...pixelValues(raw),
  }));
