import { DiptychError } from '@diptych/errors';
import type { DecodeOptions } from './base64.ts';
import type { ImageSource } from './image-source.ts';

/**
 * An image that came as its bytes.
 *
 * @throws DiptychError `invalid_parameter` where there are none, `image_too_large`
 */
export function imageBytes(bytes: Uint8Array, { param, maxBytes }: DecodeOptions): ImageSource {
  if (bytes.byteLength === 0) {
    const message = `${param} is empty: it must be the bytes of an image.`;
    throw new DiptychError('invalid_parameter', message, { param });
  }
  if (bytes.byteLength > maxBytes) {
    const message = `The image is ${bytes.byteLength} bytes long; this server accepts up to ${maxBytes}.`;
    throw new DiptychError('image_too_large', message, { param });
  }
  return { kind: 'bytes', bytes };
}
