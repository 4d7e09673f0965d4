import type { ImageInput } from '../chat/answer-job.ts';
import { imageBytes } from '../images/image-bytes.ts';
import { parseImageUrl } from '../images/parse-image-url.ts';
import type { BodyImage } from './message-schema.ts';

/** Where an image stands in a body, and what it is measured against. */
export interface ReadImageOptions {
  /** Path of the field that holds its text. */
  readonly param: string;
  /** Largest encoded image in bytes. */
  readonly maxImageBytes: number;
}

/**
 * An image of a body. `detail`: low is the whole image in one view, high cuts it into tiles, auto is as the checkpoint
 * says.
 *
 * @throws DiptychError one of the image codes
 */
export function readImage(
  { url, detail }: BodyImage,
  { param, maxImageBytes: maxBytes }: ReadImageOptions,
): ImageInput {
  const read = { param, maxBytes };
  const source = typeof url === 'string' ? parseImageUrl(url, read) : imageBytes(url, read);
  return { source, param, ...(isDecided(detail) && { split: detail === 'high' }) };
}

function isDecided(detail: BodyImage['detail']): boolean {
  return detail === 'low' || detail === 'high';
}
