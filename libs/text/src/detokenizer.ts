/** What a detokeniser needs of a tokeniser. */
export interface TokenTable {
  tokenBytes(id: number): Uint8Array;
  isSpecial(id: number): boolean;
}

/**
 * Turns generated ids into text, piece by piece. A piece holds whole characters only; bytes that are no UTF-8 become
 * U+FFFD exactly as they would in the whole text (WHATWG "maximal subpart" rule). Special tokens are left out.
 */
export class Detokenizer {
  readonly #table: TokenTable;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #dropSpace: boolean;

  /** `dropLeadingSpace`: SentencePiece-like vocabularies begin a text with a space that is not part of it. */
  constructor(table: TokenTable, { dropLeadingSpace = false }: { readonly dropLeadingSpace?: boolean } = {}) {
    this.#table = table;
    this.#dropSpace = dropLeadingSpace;
  }

  /** The text that became whole with this id; empty while a character is incomplete. */
  push(id: number): string {
    if (this.#table.isSpecial(id)) return '';
    return this.#decoder.decode(this.#withoutLeadingSpace(this.#table.tokenBytes(id)), { stream: true });
  }

  /** What is left at the end: U+FFFD for a character that never became whole. The detokeniser can start anew after it. */
  finish(): string {
    return this.#decoder.decode();
  }

  #withoutLeadingSpace(bytes: Uint8Array): Uint8Array {
    const drop = this.#dropSpace && bytes[0] === SPACE;
    if (bytes.length > 0) this.#dropSpace = false;
    return drop ? bytes.subarray(1) : bytes;
  }
}

const SPACE = 0x20;
