import { DiptychError } from '@diptych/errors';
import { checkPlan } from './check-plan.ts';
import { decodePixels, readHeader } from './decode-image.ts';
import { detectFormat } from './image-format.ts';
import type { ImageLimits, ImagePlan, ImagePlanner, PreparedImage, Size, TileGrid } from './image-plan.ts';
import { makeTiles } from './tile-workers.ts';

/** 16 megapixels: a file of less than a megabyte can decode to gigabytes. Encoded, 20 MiB holds any such photo. */
export const DEFAULT_IMAGE_LIMITS: ImageLimits = { maxBytes: 20 * 2 ** 20, maxPixels: 16_000_000 };

/**
 * The longest side of an image in pixels, the longest that JPEG and GIF can say. A limit of its own: the weights of
 * resampling grow with a side, however few pixels the image has.
 */
const MAX_SIDE = 65_535;

/**
 * Turns an encoded image into normalised tiles, as the reference image processors do: decode the first frame, apply the
 * EXIF orientation, lay transparency over white, resize and cut by the plan, rescale and normalise. For the
 * same file the values equal those of transformers' Pillow processors.
 *
 * Nothing heavy runs on the event loop: libvips decodes on libuv's threads, the rest runs on worker threads. `bytes` must
 * not change until the promise settles. Throws `image_not_decodable`, `image_format_unsupported` or
 * `image_too_large`; none of them affects another image.
 */
export async function prepareImage(
  bytes: Uint8Array,
  planner: ImagePlanner,
  limits: ImageLimits = DEFAULT_IMAGE_LIMITS,
): Promise<PreparedImage> {
  checkBytes(bytes, limits);
  const header = await readHeader(bytes, detectFormat(bytes));
  checkSides(header.size);
  checkPixels(header.size, limits);
  const plan = planner(header.size);
  checkPlan(header.size, plan);
  const pixels = await decodePixels(bytes, header);
  const tiles = await makeTiles({ pixels, plan });
  return { tiles, grid: gridOf(header.size, plan) };
}

function checkBytes({ byteLength }: Uint8Array, { maxBytes }: ImageLimits): void {
  if (byteLength === 0) {
    throw new DiptychError('image_not_decodable', 'The image is empty; send a JPEG, PNG, WebP or GIF file.');
  }
  if (byteLength > maxBytes) {
    const message = `The image has ${byteLength} bytes; this server accepts at most ${maxBytes}.`;
    throw new DiptychError('image_too_large', message);
  }
}

function checkSides({ width, height }: Size): void {
  if (Math.max(width, height) <= MAX_SIDE) return;
  const message = `The image is ${width} x ${height}; a side may have at most ${MAX_SIDE} pixels.`;
  throw new DiptychError('image_too_large', message);
}

function checkPixels({ width, height }: Size, { maxPixels }: ImageLimits): void {
  if (width * height <= maxPixels) return;
  const message = `The image is ${width} x ${height}, ${width * height} pixels; this server accepts at most ${maxPixels}.`;
  throw new DiptychError('image_too_large', message);
}

function gridOf(source: Size, plan: ImagePlan): TileGrid {
  return {
    sourceWidth: source.width,
    sourceHeight: source.height,
    processedWidth: plan.processed.width,
    processedHeight: plan.processed.height,
    rows: plan.rows,
    columns: plan.columns,
  };
}
