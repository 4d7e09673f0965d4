import type { DecodedPixels } from './decode-image.ts';
import type { RgbImage } from './resample.ts';

/**
 * Decoded pixels as red, green and blue, with Pillow's arithmetic: transparency is laid over white, as the reference's
 * `convert_to_rgb` does; CMYK is converted without a profile. What is red, green and blue already is not copied.
 */
export function toRgb(pixels: DecodedPixels): RgbImage {
  const { width, height } = pixels;
  if (pixels.colour === 'rgb' && pixels.channels === 3) return { width, height, data: pixels.data };
  const data = new Uint8Array(width * height * 3);
  if (pixels.colour === 'cmyk') convertCmyk(pixels.data, pixels.channels, data);
  else composeOverWhite(pixels.data, data);
  return { width, height, data };
}

function composeOverWhite(rgba: Uint8Array, rgb: Uint8Array): void {
  for (let from = 0, to = 0; to < rgb.length; from += 4, to += 3) {
    const alpha = rgba[from + 3] ?? 0;
    rgb[to] = overWhite(rgba[from] ?? 0, alpha);
    rgb[to + 1] = overWhite(rgba[from + 1] ?? 0, alpha);
    rgb[to + 2] = overWhite(rgba[from + 2] ?? 0, alpha);
  }
}

/** Weighted with 7 more bits than the result, then divided by 255 and rounded. */
function overWhite(value: number, alpha: number): number {
  const weight = alpha << 7;
  return divideBy255(value * weight + 255 * ((255 << 7) - weight) + (128 << 7)) >> 7;
}

function convertCmyk(cmyk: Uint8Array, channels: number, rgb: Uint8Array): void {
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    const light = 255 - (cmyk[from + 3] ?? 0);
    rgb[to] = light - divideBy255((cmyk[from] ?? 0) * light + 128);
    rgb[to + 1] = light - divideBy255((cmyk[from + 1] ?? 0) * light + 128);
    rgb[to + 2] = light - divideBy255((cmyk[from + 2] ?? 0) * light + 128);
  }
}

/** Division by 255 without dividing; exact to rounding for sums that already hold half a unit. */
function divideBy255(sum: number): number {
  return ((sum >>> 8) + sum) >>> 8;
}
