import type { Size } from '@diptych/image';
import { z } from 'zod';
import { count } from '../settings.ts';

/** More sizes than any checkpoint lists (36); bounds what choosing one of them may cost. */
const MAX_PINPOINTS = 1000;

/** `image_grid_pinpoints`: pairs of height and width. */
export const gridPinpoints = z
  .array(z.tuple([count, count]))
  .min(1)
  .max(MAX_PINPOINTS)
  .transform((pairs) => pairs.map(([height, width]): Size => ({ width, height })));
