import type { ImagePlan, ImageStep, Size } from '@diptych/image';
import type { PlanOptions } from '../model.ts';
import type { LlavaNextConfig } from './config.ts';
import { bestResolution } from './grid.ts';

/**
 * What transformers' LlavaNextImageProcessor does with an image of this size: squeeze it into one tile, then bring it
 * in proportion to the size that suits it best, lay it on black in the middle, and cut that into tiles. Without
 * splitting there is only the first tile.
 */
export function planLlavaNextImage(config: LlavaNextConfig, source: Size, options: PlanOptions): ImagePlan {
  const { resample, rescale, mean, std } = config.images;
  const edge = config.vision.imageSize;
  const tile = { width: edge, height: edge };
  const whole = { steps: [resizeTo(tile)], tile };
  const shared = { resample, rescale, mean, std };
  if (options.split === false) return { views: [whole], rows: 0, columns: 0, processed: tile, ...shared };
  const processed = bestResolution(source, config.pinpoints);
  const grid = { steps: gridSteps(source, processed), tile };
  const rows = processed.height / edge;
  return { views: [whole, grid], rows, columns: processed.width / edge, processed, ...shared };
}

function gridSteps(source: Size, target: Size): ImageStep[] {
  const { width, height } = outputSize(source, target);
  const left = Math.floor((target.width - width) / 2);
  const top = Math.floor((target.height - height) / 2);
  return [resizeTo({ width, height }), { kind: 'pad', left, top, ...target, colour: BLACK }];
}

/** `get_patch_output_size`: one side fills the target, the other is rounded up but stays within it. */
function outputSize(source: Size, target: Size): Size {
  const across = target.width / source.width;
  const down = target.height / source.height;
  if (across < down)
    return { width: target.width, height: Math.min(Math.ceil(source.height * across), target.height) };
  return { width: Math.min(Math.ceil(source.width * down), target.width), height: target.height };
}

const BLACK = [0, 0, 0] as const;

function resizeTo({ width, height }: Size): ImageStep {
  return { kind: 'resize', width, height };
}
