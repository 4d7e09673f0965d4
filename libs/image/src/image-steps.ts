import assert from 'node:assert/strict';
import type { CropStep, ImageStep, PadStep, Resample, Size } from './image-plan.ts';
import { type RgbImage, resample } from './resample.ts';

/** The image after one step. Equals Pillow's `resize`, `crop` and `paste` on a new image byte for byte. */
export function applyStep(image: RgbImage, step: ImageStep, filter: Resample): RgbImage {
  switch (step.kind) {
    case 'resize':
      return resample(image, step, filter);
    case 'crop':
      return crop(image, step);
    case 'pad':
      return pad(image, step);
  }
}

function crop(image: RgbImage, { left, top, width, height }: CropStep): RgbImage {
  assert.ok(isInside({ left, top, width, height }, image), 'the box of a crop lies inside the image');
  if (width === image.width && height === image.height) return image;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const from = ((top + y) * image.width + left) * 3;
    data.set(image.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height, data };
}

function pad(image: RgbImage, { left, top, width, height, colour }: PadStep): RgbImage {
  const place = { left, top, width: image.width, height: image.height };
  assert.ok(isInside(place, { width, height }), 'a padded image fits its canvas');
  if (width === image.width && height === image.height) return image;
  const data = canvas({ width, height }, colour);
  for (let y = 0; y < image.height; y += 1) {
    const row = image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3);
    data.set(row, ((top + y) * width + left) * 3);
  }
  return { width, height, data };
}

interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

function isInside({ left, top, width, height }: Box, outer: Size): boolean {
  const whole = [left, top, width, height].every(Number.isSafeInteger);
  const begins = left >= 0 && top >= 0 && width > 0 && height > 0;
  return whole && begins && left + width <= outer.width && top + height <= outer.height;
}

function canvas({ width, height }: Size, colour: PadStep['colour']): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(width * height * 3);
  const [red, green, blue] = colour;
  if (red === green && green === blue) return data.fill(red);
  for (let at = 0; at < data.length; at += 3) data.set(colour, at);
  return data;
}
