import { DiptychError } from '@diptych/errors';
import type { ImagePlan, ImageStep, ImageView, Size } from '@diptych/image';
import type { PlanOptions } from '../model.ts';
import type { Idefics2ImageSettings } from './image-settings.ts';

/** What decides how an image is cut. */
export interface Idefics2Geometry {
  readonly images: Idefics2ImageSettings;
  /** Edge of a patch in pixels. */
  readonly patchSize: number;
  /** Most patches of a tile. */
  readonly maxPatches: number;
}

/**
 * What transformers' Idefics2ImageProcessor does with an image of this size: bring it, and where it is to be split its
 * four quarters before it, between two edges in proportion. What is left of a patch at the right and at the bottom is
 * cut off: the reference masks such patches out.
 *
 * A side of one pixel has no halves, so such an image is never split; the reference fails on it.
 *
 * @throws DiptychError `image_too_large` for more patches than a tile may have; `image_not_decodable` for less than
 *   one patch.
 */
export function planIdefics2Image(geometry: Idefics2Geometry, source: Size, options: PlanOptions): ImagePlan {
  const { split, resample, rescale, mean, std } = geometry.images;
  const whole = view(geometry, source);
  const isSplit = (options.split ?? split) && Math.min(source.width, source.height) > 1;
  return {
    views: isSplit ? [...quarters(source).map((box) => view(geometry, box, box)), whole] : [whole],
    rows: isSplit ? 2 : 0,
    columns: isSplit ? 2 : 0,
    processed: whole.tile,
    resample,
    rescale,
    mean,
    std,
  };
}

interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** `split_images`: cut in the middle, where an odd side leaves its pixel to the right or the lower part. */
function quarters({ width, height }: Size): Box[] {
  const [left, top] = [Math.floor(width / 2), Math.floor(height / 2)];
  const columns = [
    { left: 0, width: left },
    { left, width: width - left },
  ];
  const rows = [
    { top: 0, height: top },
    { top, height: height - top },
  ];
  return rows.flatMap((row) => columns.map((column) => ({ ...column, ...row })));
}

/** A part of the source, or all of it, as one tile. */
function view(geometry: Idefics2Geometry, part: Size, box?: Box): ImageView {
  const resized = resizedSize(geometry.images.size, part);
  const tile = wholePatches(geometry, resized);
  const steps: ImageStep[] = [];
  if (box) steps.push({ kind: 'crop', ...box });
  if (!isEqual(part, resized)) steps.push({ kind: 'resize', ...resized });
  if (!isEqual(resized, tile)) steps.push({ kind: 'crop', left: 0, top: 0, ...tile });
  return { steps, tile };
}

/** `get_resize_output_image_size`: the longer side to its limit in proportion, then both sides to at least theirs. */
function resizedSize(size: Idefics2ImageSettings['size'], part: Size): Size {
  if (!size) return { width: part.width, height: part.height };
  if ('height' in size) return { width: size.width, height: size.height };
  const { width, height } = withinLongest(part, size.longest_edge);
  return { width: Math.max(width, size.shortest_edge), height: Math.max(height, size.shortest_edge) };
}

function withinLongest({ width, height }: Size, longest: number): Size {
  const ratio = width / height;
  if (width >= height && width > longest) return { width: longest, height: Math.trunc(longest / ratio) };
  if (height > width && height > longest) return { width: Math.trunc(longest * ratio), height: longest };
  return { width, height };
}

function wholePatches({ patchSize, maxPatches }: Idefics2Geometry, { width, height }: Size): Size {
  const [columns, rows] = [Math.floor(width / patchSize), Math.floor(height / patchSize)];
  if (columns * rows === 0) {
    throw new DiptychError(
      'image_not_decodable',
      `The image, or a quarter of it, is ${width} x ${height}, less than one patch of this model, which is ` +
        `${patchSize} x ${patchSize}. Send a larger image.`,
    );
  }
  if (columns * rows > maxPatches) {
    throw new DiptychError(
      'image_too_large',
      `The image, or a quarter of it, is ${width} x ${height}, ${columns * rows} patches of this model, which takes ` +
        `at most ${maxPatches}. Send a smaller image.`,
    );
  }
  return { width: columns * patchSize, height: rows * patchSize };
}

function isEqual(one: Size, other: Size): boolean {
  return one.width === other.width && one.height === other.height;
}
