import { DiptychError } from '@diptych/errors';
import { badEncoding, type DecodeOptions, decodeBase64 } from './base64.ts';

/** Media types of the formats that the vision-service decodes; `image/jpg` is a frequent misspelling. */
const MEDIA_TYPES = ['image/jpeg', 'image/jpg', 'image/png', 'image/webp', 'image/gif'];

/** Longest head (everything before the comma) of a data URI: far more than any media type with parameters. */
const MAX_HEAD = 256;

/**
 * Decodes `data:image/...;base64,...` (RFC 2397). The media type must name an image format that is accepted;
 * whether the bytes are of that format is for the decoder to see.
 *
 * @throws DiptychError `image_bad_encoding`, `image_format_unsupported` or `image_too_large`.
 */
export function decodeDataUri(uri: string, options: DecodeOptions): Uint8Array {
  const head = uri.slice(0, MAX_HEAD);
  const match = /^data:([^;,]*)((?:;[^;,]*)*),/i.exec(head);
  if (!match)
    throw badEncoding(
      'The data URI has no comma after its media type; expected data:image/png;base64,...',
      options.param,
    );
  const [prefix, mediaType = '', parameters = ''] = match;
  checkMediaType(mediaType, options.param);
  if (!/;base64$/i.test(parameters)) {
    throw badEncoding('The data URI is not base64; expected data:image/png;base64,...', options.param);
  }
  return decodeBase64(uri.slice(prefix.length), options);
}

function checkMediaType(mediaType: string, param: string): void {
  if (MEDIA_TYPES.includes(mediaType.toLowerCase())) return;
  throw new DiptychError(
    'image_format_unsupported',
    `The data URI's media type is ${JSON.stringify(mediaType)}; accepted are ${MEDIA_TYPES.join(', ')}.`,
    { param },
  );
}
