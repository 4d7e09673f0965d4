import { DiptychError } from '@diptych/errors';

/** Formats that are decoded. */
export type ImageFormat = 'JPEG' | 'PNG' | 'WebP' | 'GIF';

/**
 * The format of an encoded image, told from its first bytes alone; a declared media type is never trusted.
 * Throws `image_format_unsupported`, naming the format where it is a known one, or `image_not_decodable`.
 */
export function detectFormat(bytes: Uint8Array): ImageFormat {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, SNIFF_BYTES));
  const accepted = ACCEPTED.find(({ matches }) => matches(head));
  if (accepted) return accepted.name;
  const known = REFUSED.find(({ matches }) => matches(head));
  if (known) {
    throw new DiptychError(
      'image_format_unsupported',
      `The image is ${known.name}; send JPEG, PNG, WebP or GIF.`,
    );
  }
  throw new DiptychError(
    'image_not_decodable',
    'The bytes are not an image; send a JPEG, PNG, WebP or GIF file.',
  );
}

/** Enough for every signature below, and for an XML declaration and comment before an `<svg` element. */
const SNIFF_BYTES = 1024;

interface Signature<Name extends string = string> {
  readonly name: Name;
  readonly matches: (head: Buffer) => boolean;
}

const ACCEPTED: readonly Signature<ImageFormat>[] = [
  { name: 'JPEG', matches: (head) => startsWith(head, 'ÿØÿ') },
  { name: 'PNG', matches: (head) => startsWith(head, '\x89PNG\r\n\x1a\n') },
  { name: 'WebP', matches: (head) => startsWith(head, 'RIFF') && has(head, 8, 'WEBP') },
  { name: 'GIF', matches: (head) => startsWith(head, 'GIF87a') || startsWith(head, 'GIF89a') },
];

const REFUSED: readonly Signature[] = [
  { name: 'TIFF', matches: (head) => startsWith(head, 'II*\0') || startsWith(head, 'MM\0*') },
  { name: 'AVIF', matches: (head) => has(head, 4, 'ftypavif') || has(head, 4, 'ftypavis') },
  { name: 'HEIF', matches: (head) => /^ftyp(hei|hev|mif1|msf1)/.test(head.toString('latin1', 4, 12)) },
  { name: 'SVG', matches: (head) => /<svg[\s>]/i.test(head.toString('latin1')) },
  { name: 'PDF', matches: (head) => startsWith(head, '%PDF-') },
  { name: 'BMP', matches: (head) => startsWith(head, 'BM') && has(head, 6, '\0\0\0\0') },
  { name: 'ICO', matches: (head) => startsWith(head, '\0\0\x01\0') },
  { name: 'JPEG XL', matches: (head) => startsWith(head, 'ÿ\n') || has(head, 4, 'JXL \r\n') },
  { name: 'JPEG 2000', matches: (head) => startsWith(head, 'ÿOÿQ') || has(head, 4, 'jP  \r\n') },
  { name: 'PSD', matches: (head) => startsWith(head, '8BPS') },
  { name: 'PostScript', matches: (head) => startsWith(head, '%!PS') },
];

function startsWith(head: Buffer, signature: string): boolean {
  return has(head, 0, signature);
}

/** Whether the bytes at `offset` are the Latin-1 characters of `signature`. */
function has(head: Buffer, offset: number, signature: string): boolean {
  return head.toString('latin1', offset, offset + signature.length) === signature;
}
