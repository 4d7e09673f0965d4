import { DiptychError } from '@diptych/errors';

/** What an image in text form must satisfy, and how errors name it. */
export interface DecodeOptions {
  /** Name of the request field, for errors. */
  readonly param: string;
  /** Largest decoded size in bytes. */
  readonly maxBytes: number;
}

/**
 * Decodes standard base64 (RFC 4648 section 4: padded, no line breaks, no stray bits). Node's own decoder
 * skips over what it does not know, so the result is encoded again and compared.
 *
 * @throws DiptychError `image_bad_encoding` naming the first wrong character; `image_too_large`.
 */
export function decodeBase64(text: string, { param, maxBytes }: DecodeOptions): Uint8Array {
  if (text === '') throw badEncoding('The image is empty; expected base64.', param);
  if (decodedSize(text) > maxBytes) {
    throw new DiptychError(
      'image_too_large',
      `The image is ${decodedSize(text)} bytes long; this server accepts up to ${maxBytes}.`,
      { param },
    );
  }
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw badEncoding(`The image is not base64: ${fault(text)}.`, param);
  return bytes;
}

/** An `image_bad_encoding` error. */
export function badEncoding(message: string, param: string): DiptychError {
  return new DiptychError('image_bad_encoding', message, { param });
}

function decodedSize(text: string): number {
  return Math.floor((text.length * 3) / 4);
}

function fault(text: string): string {
  const at = text.search(/[^A-Za-z0-9+/]/);
  const padding = at === -1 ? '' : text.slice(at);
  if (at !== -1 && !/^={1,2}$/.test(padding)) {
    return `unexpected character ${JSON.stringify(text.charAt(at))} at position ${at}`;
  }
  if (text.length % 4 !== 0)
    return `its length ${text.length} is not a multiple of 4, so the end or its padding is missing`;
  return 'its last characters carry stray bits';
}
