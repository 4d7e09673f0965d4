import type { ImageInput } from '../chat/answer-job.ts';
import { imageBytes } from '../images/image-bytes.ts';
import { parseImageUrl } from '../images/parse-image-url.ts';

/** What images are measured against. */
export interface ImageOptions {
  /** Largest encoded image in bytes. */
  readonly maxImageBytes: number;
}

/** A part of a gRPC request that holds an image, by value or as text. */
export type ImagePart =
  | { readonly case: 'image'; readonly value: Uint8Array }
  | { readonly case: 'imageUrl'; readonly value: string };

/**
 * Reads the image of the part that stands at the path `at`.
 *
 * @throws DiptychError `invalid_parameter` or one of the image codes, with the field's path as `param`.
 */
export function readImage(
  part: ImagePart,
  at: string,
  { maxImageBytes: maxBytes }: ImageOptions,
): ImageInput {
  if (part.case === 'imageUrl') {
    const param = `${at}.image_url`;
    return { param, source: parseImageUrl(part.value, { param, maxBytes }) };
  }
  const param = `${at}.image`;
  return { param, source: imageBytes(part.value, { param, maxBytes }) };
}
