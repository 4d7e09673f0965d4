import type { Span } from './prompt-text.ts';
import type { AddedToken } from './tokenizer-json.ts';

/** A part of a text: an added token, or plain text where `token` is absent. */
export interface Piece extends Span {
  readonly token?: AddedToken;
}

/**
 * Whether an added token is a mere run of whitespace. Such a token is ordinary vocabulary, so it is recognised in a
 * user's text too; every other added token, special or not, is markup and only the template can spell it.
 */
export function isOrdinary({ content }: AddedToken): boolean {
  return /^\p{White_Space}+$/u.test(content);
}

/** Finds added tokens in text: leftmost first, the longest at each place, as the reference library does. */
export class AddedTokenSplitter {
  readonly #byContent: ReadonlyMap<string, AddedToken>;
  /** Lengths of the contents that begin with a character, longest first. */
  readonly #lengths = new Map<string, readonly number[]>();

  /** `contentOf` says what to look for; the normalised content where the text is normalised. */
  constructor(
    tokens: readonly AddedToken[],
    contentOf: (token: AddedToken) => string = ({ content }) => content,
  ) {
    this.#byContent = new Map(tokens.map((token) => [contentOf(token), token]));
    for (const [first, contents] of Map.groupBy(this.#byContent.keys(), (content) => content.charAt(0))) {
      const lengths = new Set(contents.map(({ length }) => length));
      this.#lengths.set(
        first,
        [...lengths].toSorted((a, b) => b - a),
      );
    }
  }

  /** Splits a text. Markup is recognised only where it lies within one of `templateSpans` (ascending, apart). */
  split(text: string, templateSpans: readonly Span[]): Piece[] {
    const pieces: Piece[] = [];
    let plainStart = 0;
    for (const { token, ...match } of this.#matches(text, templateSpans)) {
      // Where an added token is made of whitespace that the one before has swallowed, the reference counts both.
      const start = token.lstrip ? skipSpaceBack(text, match.start, plainStart) : match.start;
      const end = token.rstrip ? skipSpace(text, match.end) : match.end;
      if (start > plainStart) pieces.push({ start: plainStart, end: start });
      pieces.push({ token, start, end });
      plainStart = end;
    }
    if (plainStart < text.length) pieces.push({ start: plainStart, end: text.length });
    return pieces;
  }

  *#matches(text: string, templateSpans: readonly Span[]): Generator<Required<Piece>> {
    if (this.#byContent.size === 0) return;
    let span = 0;
    for (let start = 0; start < text.length; ) {
      while ((templateSpans[span]?.end ?? Infinity) <= start) span += 1;
      const match = this.#matchAt(text, start, templateSpans[span]);
      if (match && isWholeWord(text, match)) yield match;
      start = match ? match.end : start + 1;
    }
  }

  #matchAt(text: string, start: number, template: Span | undefined): Required<Piece> | undefined {
    for (const length of this.#lengths.get(text.charAt(start)) ?? []) {
      const end = start + length;
      const token = this.#byContent.get(text.slice(start, end));
      if (token && (isOrdinary(token) || lies(start, end, template))) return { token, start, end };
    }
    return undefined;
  }
}

const SPACE = /\p{White_Space}/u;
const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]/u;

/** Where the whitespace before `end` begins, not before `limit`. No whitespace is a surrogate pair. */
function skipSpaceBack(text: string, end: number, limit: number): number {
  let start = end;
  while (start > limit && SPACE.test(text.charAt(start - 1))) start -= 1;
  return start;
}

function skipSpace(text: string, start: number): number {
  let end = start;
  while (end < text.length && SPACE.test(text.charAt(end))) end += 1;
  return end;
}

function lies(start: number, end: number, within: Span | undefined): boolean {
  return within !== undefined && within.start <= start && end <= within.end;
}

function isWholeWord(text: string, { token, start, end }: Required<Piece>): boolean {
  if (!token.singleWord) return true;
  const before = Array.from(text.slice(Math.max(start - 2, 0), start)).at(-1) ?? '';
  const after = String.fromCodePoint(text.codePointAt(end) ?? 0x20);
  return !WORD.test(before) && !WORD.test(after);
}
