import type { ImagePlan, ImageStep, Size } from '@diptych/image';
import type { LlavaImageSettings } from './image-settings.ts';

/**
 * What transformers' CLIPImageProcessor, SiglipImageProcessor and LlavaImageProcessor do with an image of this size:
 * lay it on a square, resize it, cut its middle; each where the settings ask for it.
 */
export function planLlavaImage(settings: LlavaImageSettings, source: Size): ImagePlan {
  const { resample, rescale, mean, std } = settings;
  const padded = padToSquare(source, settings.padColour);
  const resized = resize(last(padded, source), settings.size);
  const cropped = centreCrop(last([...padded, ...resized], source), settings.crop);
  const steps = [...padded, ...resized, ...cropped];
  const { width, height } = last(steps, source);
  const tile = { width, height };
  return {
    views: [{ steps, tile }],
    rows: 0,
    columns: 0,
    processed: tile,
    resample,
    rescale,
    mean,
    std,
  };
}

function last(steps: readonly ImageStep[], source: Size): Size {
  return steps.at(-1) ?? source;
}

/** `LlavaImageProcessor.pad_to_square`. */
function padToSquare({ width, height }: Size, colour: LlavaImageSettings['padColour']): ImageStep[] {
  if (!colour || width === height) return [];
  const side = Math.max(width, height);
  const left = Math.floor((side - width) / 2);
  const top = Math.floor((side - height) / 2);
  return [{ kind: 'pad', left, top, width: side, height: side, colour }];
}

/** `get_resize_output_image_size` without `default_to_square`: the longer side is cut to an integer. */
function resize({ width, height }: Size, size: LlavaImageSettings['size']): ImageStep[] {
  if (!size) return [];
  if ('height' in size) return [{ kind: 'resize', width: size.width, height: size.height }];
  const short = size.shortest_edge;
  const long = Math.trunc((short * Math.max(width, height)) / Math.min(width, height));
  const [wide, high] = width <= height ? [short, long] : [long, short];
  return [{ kind: 'resize', width: wide, height: high }];
}

/** `center_crop`: along a side that is too short, black is laid around instead. */
function centreCrop(image: Size, crop: LlavaImageSettings['crop']): ImageStep[] {
  if (!crop) return [];
  const kept = { width: Math.min(image.width, crop.width), height: Math.min(image.height, crop.height) };
  const steps: ImageStep[] = [];
  if (!isEqual(kept, image)) {
    const left = Math.floor((image.width - kept.width) / 2);
    steps.push({ kind: 'crop', left, top: Math.floor((image.height - kept.height) / 2), ...kept });
  }
  if (!isEqual(kept, crop)) {
    const left = Math.ceil((crop.width - kept.width) / 2);
    const top = Math.ceil((crop.height - kept.height) / 2);
    steps.push({ kind: 'pad', left, top, width: crop.width, height: crop.height, colour: BLACK });
  }
  return steps;
}

const BLACK = [0, 0, 0] as const;

function isEqual(one: Size, other: Size): boolean {
  return one.width === other.width && one.height === other.height;
}
