import { AddedTokenSplitter } from './added-tokens.ts';
import { type BpeLibrary, createBpeLibrary } from './bpe-library.ts';
import type { ImageSpan, PromptText, Span } from './prompt-text.ts';
import type { TokenizerFile } from './tokenizer-json.ts';

/** A token of a prompt; `image` is the index of the image whose expansion an added token stands in. */
export interface EncodedToken {
  readonly id: number;
  readonly image?: number;
}

/**
 * Encodes a prompt as the Rust library encodes a text: added tokens of raw text are cut out first; each rest is normalised,
 * added tokens of normalised text are cut out of it, and what remains is split into words that byte-pair merges join.
 * Plain text is one run wherever template and user text touch. The tokenizers library does normalising, splitting
 * and merging; added tokens are kept from it, because it would see them in a user's text.
 */
export class PromptEncoder {
  readonly #library: BpeLibrary;
  readonly #raw: AddedTokenSplitter;
  readonly #normalized: AddedTokenSplitter;

  constructor(file: TokenizerFile) {
    this.#library = createBpeLibrary(file);
    this.#raw = new AddedTokenSplitter(file.addedTokens.filter(({ normalized }) => !normalized));
    this.#normalized = new AddedTokenSplitter(
      file.addedTokens.filter(({ normalized }) => normalized),
      ({ content }) => this.#normalize(content),
    );
  }

  /** The tokens of a prompt, in order. */
  encode({ text, templateSpans, imageSpans }: PromptText): EncodedToken[] {
    return this.#raw.split(text, templateSpans).flatMap((piece) =>
      piece.token
        ? [added(piece.token.id, piece, imageSpans)]
        : this.#encodeSection(text.slice(piece.start, piece.end), piece.start === 0, {
            templateSpans: shift(templateSpans, piece),
            imageSpans: shift(imageSpans, piece),
          }),
    );
  }

  /** A part without raw added tokens; `first` where the whole text begins with it. */
  #encodeSection(section: string, first: boolean, spans: Omit<PromptText, 'text'>): EncodedToken[] {
    const text = this.#normalize(section);
    const mapped = <S extends Span>(list: readonly S[]) => this.#normalizeSpans(section, text, list);
    const imageSpans = mapped(spans.imageSpans);
    return this.#normalized
      .split(text, mapped(spans.templateSpans))
      .flatMap((piece) =>
        piece.token
          ? [added(piece.token.id, piece, imageSpans)]
          : this.#encodeWords(text.slice(piece.start, piece.end), first && piece.start === 0),
      );
  }

  #encodeWords(text: string, first: boolean): EncodedToken[] {
    const { pre_tokenizer: preTokenizer, model } = this.#library;
    const words = preTokenizer ? preTokenizer.pre_tokenize(text, { section_index: first ? 0 : 1 }) : [text];
    const tokens = model._call(words);
    return tokens.flatMap((token) => {
      const id = model.tokens_to_ids.get(token) ?? model.unk_token_id;
      return id === undefined ? [] : [{ id }];
    });
  }

  #normalize(text: string): string {
    return this.#library.normalizer?.normalize(text) ?? text;
  }

  /** Where spans of a section lie once it is normalised; one whose edge characters normalising joins is left out. */
  #normalizeSpans<S extends Span>(section: string, text: string, spans: readonly S[]): S[] {
    if (section === text) return [...spans];
    const position = (edge: number) => {
      const prefix = edge === 0 ? '' : this.#normalize(section.slice(0, edge));
      return text.startsWith(prefix) ? prefix.length : undefined;
    };
    return spans.flatMap((span) => {
      const start = position(span.start);
      const end = position(span.end);
      return start === undefined || end === undefined ? [] : [{ ...span, start, end }];
    });
  }
}

function added(id: number, piece: Span, imageSpans: readonly ImageSpan[]): EncodedToken {
  const span = imageSpans.find(({ start, end }) => start <= piece.start && piece.start < end);
  return span ? { id, image: span.index } : { id };
}

/** The parts of spans that lie within a piece, counted from its start. */
function shift<S extends Span>(spans: readonly S[], piece: Span): S[] {
  return spans.flatMap((span) => {
    const start = Math.max(span.start, piece.start);
    const end = Math.min(span.end, piece.end);
    return start < end ? [{ ...span, start: start - piece.start, end: end - piece.start }] : [];
  });
}
