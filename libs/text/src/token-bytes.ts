import type { AddedToken, TokenizerFile } from './tokenizer-json.ts';
import { isObject } from './tokenizer-json.ts';

/** How a vocabulary spells bytes: one character for each byte (GPT-2), or SentencePiece's ▁ and `<0xNN>`. */
export type Spelling = 'byte-level' | 'sentencepiece';

/** Tells the spelling of a vocabulary from the file's decoder. */
export function spellingOf({ json }: TokenizerFile): Spelling {
  return hasByteLevel(json.decoder) || hasByteLevel(json.pre_tokenizer) ? 'byte-level' : 'sentencepiece';
}

/** The bytes of each token by id. An id that the tokeniser does not have is absent. */
export function tokenBytesTable(file: TokenizerFile): readonly (Uint8Array | undefined)[] {
  const bytesOf = spellingOf(file) === 'byte-level' ? byteLevelBytes : sentencePieceBytes;
  const table: (Uint8Array | undefined)[] = [];
  for (const [token, id] of Object.entries(file.model.vocab)) table[id] = bytesOf(token);
  for (const token of file.addedTokens) table[token.id] = addedTokenBytes(token, bytesOf);
  return table;
}

/** Special tokens stand for themselves; other added tokens are decoded as the vocabulary is. */
function addedTokenBytes(
  { content, special }: AddedToken,
  bytesOf: (token: string) => Uint8Array,
): Uint8Array {
  return special ? encoder.encode(content) : bytesOf(content);
}

const encoder = new TextEncoder();

/** How many of the 256 bytes are printable Latin-1. */
const PRINTABLE_BYTES = 188;

function isPrintable(byte: number): boolean {
  return (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
}

/**
 * GPT-2's table of a printable character for each byte: printable Latin-1 stands for itself, the others follow from
 * U+0100 on (Radford et al. 2019, `bytes_to_unicode`).
 */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 256 }, (_, byte) => byte)
    .toSorted((a, b) => Number(isPrintable(b)) - Number(isPrintable(a)) || a - b)
    .map((byte, rank) => [
      String.fromCharCode(isPrintable(byte) ? byte : 256 + rank - PRINTABLE_BYTES),
      byte,
    ]),
);

const CHARACTER_OF_BYTE: readonly string[] = [...BYTE_OF_CHARACTER]
  .toSorted(([, left], [, right]) => left - right)
  .map(([character]) => character);

/** A text as byte-level vocabularies spell it: GPT-2's character for each byte of its UTF-8. */
export function spellBytes(text: string): string {
  let spelled = '';
  for (const byte of encoder.encode(text)) spelled += CHARACTER_OF_BYTE[byte] ?? '';
  return spelled;
}

/** A token with a character outside the table, as an added token may have, is its own UTF-8. */
function byteLevelBytes(token: string): Uint8Array {
  const bytes = Array.from(token, (character) => BYTE_OF_CHARACTER.get(character));
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : encoder.encode(token);
}

function sentencePieceBytes(token: string): Uint8Array {
  const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
  return byte === undefined
    ? encoder.encode(token.replaceAll('▁', ' '))
    : Uint8Array.of(Number.parseInt(byte, 16));
}

function hasByteLevel(config: unknown): boolean {
  if (!isObject(config)) return false;
  if (config.type === 'ByteLevel') return true;
  const parts = config.decoders ?? config.pretokenizers;
  return Array.isArray(parts) && parts.some(hasByteLevel);
}
