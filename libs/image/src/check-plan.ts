import { DiptychError } from '@diptych/errors';
import type { ImagePlan, ImageView, Size } from './image-plan.ts';

/**
 * Most pixels of an image after any step, and of its tiles together: 100 MB as bytes, 400 MB as tiles. Above what any
 * model's settings make of a usual image (4096 by 4096, rounded up to whole tiles). A family that brings the shorter
 * edge to a length makes a line of pixels gigabytes wide.
 */
const MAX_PLANNED_PIXELS = 2 ** 25;

/**
 * Refuses an image of which the plan would make something huge, before it is decoded.
 *
 * @throws DiptychError `image_too_large` with both sizes.
 */
export function checkPlan(source: Size, { views }: ImagePlan): void {
  for (const step of views.flatMap(({ steps }) => steps))
    if (pixelsOf(step) > MAX_PLANNED_PIXELS) throw tooLarge(source, `${step.width} x ${step.height} pixels`);
  const tiles = views.reduce((sum, view) => sum + tilePixels(source, views, view), 0);
  if (tiles > MAX_PLANNED_PIXELS) throw tooLarge(source, `tiles of ${tiles} pixels`);
}

function tooLarge({ width, height }: Size, planned: string): DiptychError {
  return new DiptychError(
    'image_too_large',
    `The image is ${width} x ${height}, of which this model makes ${planned}; it may make at most ` +
      `${MAX_PLANNED_PIXELS}. Send an image whose sides differ less.`,
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
