import type { ImagePlan, ImageStep, Size } from '@diptych/image';
import type { PlanOptions } from '../model.ts';
import type { Idefics3ImageSettings } from './image-settings.ts';

/**
 * What transformers' Idefics3ImageProcessor and SmolVLMImageProcessor do with an image of this size: bring its
 * longest edge to a fixed length, then either round both sides up to whole tiles, cut, and add a view of the whole,
 * or squeeze it into one tile.
 */
export function planIdefics3Image(
  settings: Idefics3ImageSettings,
  source: Size,
  options: PlanOptions,
): ImagePlan {
  const { tileSize, resample, rescale, mean, std } = settings;
  const first = settings.size ? [firstResize(source, settings.size)] : [];
  const processed =
    (options.split ?? settings.split) ? wholeTiles(first[0] ?? source, tileSize) : square(tileSize);
  const isSplit = processed.width > tileSize || processed.height > tileSize;
  const cut = { steps: [...first, processed].map(resizeTo), tile: square(tileSize) };
  const whole = { from: 0, steps: [resizeTo(square(tileSize))], tile: square(tileSize) };
  return {
    views: isSplit ? [cut, whole] : [cut],
    rows: isSplit ? processed.height / tileSize : 0,
    columns: isSplit ? processed.width / tileSize : 0,
    processed,
    resample,
    rescale,
    mean,
    std,
  };
}

/** The reference never lets a side grow beyond this ("4k resolution as absolute maximum"). */
const MAX_IMAGE_SIZE = 4096;

function firstResize(source: Size, size: NonNullable<Idefics3ImageSettings['size']>): Size {
  if ('longest_edge' in size) return belowMaximum(toLongestEdge(source, size.longest_edge));
  return { width: size.width, height: size.height };
}

/** `_resize_output_size_rescale_to_max_len`: the shorter side is cut to an integer, then made even. */
function toLongestEdge({ width, height }: Size, longest: number): Size {
  const ratio = width / height;
  if (width >= height) return { width: longest, height: Math.max(even(Math.trunc(longest / ratio)), 1) };
  return { width: Math.max(even(Math.trunc(longest * ratio)), 1), height: longest };
}

function even(side: number): number {
  return side + (side % 2);
}

/** `_resize_output_size_scale_below_upper_bound`. */
function belowMaximum({ width, height }: Size): Size {
  const ratio = width / height;
  if (width >= height && width > MAX_IMAGE_SIZE) {
    return { width: MAX_IMAGE_SIZE, height: Math.max(Math.trunc(MAX_IMAGE_SIZE / ratio), 1) };
  }
  if (height > width && height > MAX_IMAGE_SIZE) {
    return { width: Math.max(Math.trunc(MAX_IMAGE_SIZE * ratio), 1), height: MAX_IMAGE_SIZE };
  }
  return { width, height };
}

/** `resize_for_vision_encoder`: the longer side to whole tiles, the shorter in proportion, then to whole tiles. */
function wholeTiles({ width, height }: Size, tile: number): Size {
  const ratio = width / height;
  if (width >= height) {
    const wide = roundUp(width, tile);
    return { width: wide, height: roundUp(Math.trunc(wide / ratio), tile) };
  }
  const tall = roundUp(height, tile);
  return { width: roundUp(Math.trunc(tall * ratio), tile), height: tall };
}

function roundUp(side: number, tile: number): number {
  return Math.ceil(side / tile) * tile;
}

function resizeTo({ width, height }: Size): ImageStep {
  return { kind: 'resize', width, height };
}

function square(side: number): Size {
  return { width: side, height: side };
}
