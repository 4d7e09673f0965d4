import { checkAddress } from './address-rules.ts';
import { badEncoding, type DecodeOptions, decodeBase64 } from './base64.ts';
import { decodeDataUri } from './data-uri.ts';
import type { ImageSource } from './image-source.ts';

/** Longest address of an image; common servers and proxies refuse longer ones. */
const MAX_ADDRESS_LENGTH = 8192;

/**
 * Reads the text that stands for an image: a data URI, an http(s) address, or raw base64. Base64 holds no
 * colon, so the three cannot be confused.
 *
 * @throws DiptychError `image_bad_encoding`, `image_format_unsupported`, `image_too_large` or
 * `image_url_forbidden`.
 */
export function parseImageUrl(text: string, options: DecodeOptions): ImageSource {
  if (/^data:/i.test(text)) return { kind: 'bytes', bytes: decodeDataUri(text, options) };
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return { kind: 'address', url: parseAddress(text, options.param) };
  return { kind: 'bytes', bytes: decodeBase64(text, options) };
}

function parseAddress(text: string, param: string): URL {
  const url = text.length <= MAX_ADDRESS_LENGTH ? URL.parse(text) : null;
  if (!url) {
    throw badEncoding(`The image is not a valid address of at most ${MAX_ADDRESS_LENGTH} characters.`, param);
  }
  checkAddress(url, param);
  return url;
}
