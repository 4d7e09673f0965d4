import { DiptychError } from '@diptych/errors';
import type { ImagePlan, ImageView, Size } from './image-plan.ts';

/**
 * Most pixels of an image after any step: four times those of the largest source that is accepted by default, so that a
 * photograph can be padded to a square. A family that brings the shorter edge to a length would make a line of pixels
 * gigabytes wide.
 */
const MAX_STEP_PIXELS = 64_000_000;

/** Most pixels of an image's tiles, 400 MB. The largest that any model's settings make is 4096 by 4096, rounded up. */
const MAX_TILE_PIXELS = 2 ** 25;

/**
 * Refuses an image of which the plan would make something huge, before it is decoded.
 *
 * @throws DiptychError `image_too_large` with both sizes.
 */
export function checkPlan(source: Size, { views }: ImagePlan): void {
  for (const step of views.flatMap(({ steps }) => steps))
    if (pixelsOf(step) > MAX_STEP_PIXELS)
      throw tooLarge(source, `${step.width} x ${step.height} pixels`, MAX_STEP_PIXELS);
  const tiles = views.reduce((sum, view) => sum + tilePixels(source, views, view), 0);
  if (tiles > MAX_TILE_PIXELS) throw tooLarge(source, `tiles of ${tiles} pixels`, MAX_TILE_PIXELS);
}

function tooLarge({ width, height }: Size, planned: string, most: number): DiptychError {
  return new DiptychError(
    'image_too_large',
    `The image is ${width} x ${height}, of which this model makes ${planned}; it may make at most ` +
      `${most}. Send an image whose sides differ less.`,
  );
}

/** A view's tiles cover its last image. */
function tilePixels(source: Size, views: readonly ImageView[], { from, steps }: ImageView): number {
  const last = steps.at(-1);
  if (last) return pixelsOf(last);
  const start = from === undefined ? undefined : views[from]?.steps.at(-1);
  return pixelsOf(start ?? source);
}

function pixelsOf({ width, height }: Size): number {
  return width * height;
}
