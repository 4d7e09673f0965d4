import assert from 'node:assert/strict';
import { DiptychError } from '@diptych/errors';
import sharp, { type Metadata, type Sharp } from 'sharp';
import type { ImageFormat } from './image-format.ts';
import type { Size } from './image-plan.ts';

/** What a file says of itself before any pixel is decoded. */
export interface ImageHeader {
  readonly format: ImageFormat;
  /** Size after orientation. */
  readonly size: Size;
  readonly colour: 'rgb' | 'cmyk';
}

/** Decoded 8-bit pixels, oriented, interleaved, row by row; `channels` 3, or 4 with alpha or as CMYK. */
export interface DecodedPixels extends Size {
  readonly colour: 'rgb' | 'cmyk';
  readonly channels: number;
  /** Owned by the receiver; its buffer can be transferred to another thread. */
  readonly data: Uint8Array<ArrayBuffer>;
}

// libvips is told once for the process. Images come once each, so its cache of operations would only hold memory;
// one decode uses one thread, and several images at once are what fills the cores; no loader runs but these four.
sharp.cache(false);
sharp.concurrency(1);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadNsgifBuffer',
  ],
});

/** Reads size and colour space without decoding. Throws `image_not_decodable`. */
export async function readHeader(bytes: Uint8Array, format: ImageFormat): Promise<ImageHeader> {
  const metadata = await decoding(format, () => open(bytes).metadata());
  return { format, size: orientedSize(metadata), colour: metadata.space === 'cmyk' ? 'cmyk' : 'rgb' };
}

/**
 * Decodes the first frame and applies the EXIF orientation, as the reference's `load_image` does. Colour profiles are
 * ignored, because the reference ignores them; 16 bits a channel become the upper 8. Runs on libuv's threads.
 * Throws `image_not_decodable` for a file that is damaged or cut short.
 */
export async function decodePixels(bytes: Uint8Array, header: ImageHeader): Promise<DecodedPixels> {
  const image = inColourOf(header, open(bytes).autoOrient());
  const { data, info } = await decoding(header.format, () => image.raw().toUint8Array());
  assert.ok(info.channels >= 3, 'libvips answers at least three channels in this colour space');
  assert.ok(
    info.width === header.size.width && info.height === header.size.height,
    'header and pixels agree',
  );
  return {
    width: info.width,
    height: info.height,
    colour: header.colour,
    channels: info.channels,
    data: owned(data),
  };
}

function owned({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array<ArrayBuffer> {
  assert.ok(buffer instanceof ArrayBuffer, 'sharp allocates a buffer for each image');
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The number of pixels is checked against the caller's limit before anything is decoded, so libvips' own is off. */
function open(bytes: Uint8Array): Sharp {
  return sharp(bytes, {
    pages: 1,
    ignoreIcc: true,
    limitInputPixels: false,
    sequentialRead: true,
    failOn: 'warning',
  });
}

function orientedSize({ autoOrient }: Metadata): Size {
  return { width: autoOrient.width, height: autoOrient.height };
}

function inColourOf(header: ImageHeader, image: Sharp): Sharp {
  if (header.colour === 'rgb') return image.toColourspace('srgb');
  return image.pipelineColourspace('cmyk').toColourspace('cmyk');
}

/** libvips fails on what a caller sent, and says in its first line what is wrong with it. */
async function decoding<T>(format: ImageFormat, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const detail = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new DiptychError(
      'image_not_decodable',
      `The ${format} image is damaged or cut short (${detail}); send a complete file.`,
      { cause: error },
    );
  }
}
