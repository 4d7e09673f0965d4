import { DiptychError } from '@diptych/errors';
import { AddedTokenSplitter } from './added-tokens.ts';
import { type BpeTokenizer, createBpeTokenizer } from './bpe-library.ts';
import type { ImageSpan, PromptText, Span } from './prompt-text.ts';
import { TokenBudget } from './token-budget.ts';
import { spellBytes } from './token-bytes.ts';
import type { TokenizerFile } from './tokenizer-json.ts';

/**
 * The longest word that is merged, in UTF-16 units: merging this many takes about a second, and nobody else's stream
 * moves on meanwhile. For tokenisers that split nothing a word is the whole plain text between two added tokens.
 */
const MAX_WORD_LENGTH = 2 ** 17;

/** Words that are remembered; a few megabytes. All are forgotten once there are more. */
const MOST_KEPT_WORDS = 2 ** 14;

/** In UTF-16 units: longer ones are rare, and nobody shall fill the memory with them. */
const LONGEST_KEPT_WORD = 32;

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
  readonly #bpe: BpeTokenizer;
  /** Tokens of words that were met: most words of a text are frequent ones. */
  readonly #words = new Map<string, readonly EncodedToken[]>();
  readonly #raw: AddedTokenSplitter;
  readonly #normalized: AddedTokenSplitter;
  /** UTF-16 units that one token can stand for at most. */
  readonly #longestToken: number;
  /** What stands for a character that the vocabulary lacks; without one such a character is left out. */
  readonly #unknown: number | undefined;

  constructor(file: TokenizerFile) {
    this.#bpe = createBpeTokenizer(file);
    this.#raw = new AddedTokenSplitter(file.addedTokens.filter(({ normalized }) => !normalized));
    this.#normalized = new AddedTokenSplitter(
      file.addedTokens.filter(({ normalized }) => normalized),
      ({ content }) => this.#normalize(content),
    );
    this.#longestToken = longestToken(file);
    this.#unknown = unknownId(file);
  }

  /**
   * The tokens of a prompt, in order. Throws `context_length_exceeded` where they are more than `maxTokens`, and
   * `invalid_parameter` for a word longer than `MAX_WORD_LENGTH`.
   *
   * A text that is too long for `maxTokens` even in tokens of the longest kind is refused before it is looked at:
   * normalising and splitting go over all of it at once.
   */
  encode({ text, templateSpans, imageSpans }: PromptText, maxTokens: number): EncodedToken[] {
    const budget = new TokenBudget(maxTokens);
    budget.require(this.#fewestTokens(text));
    return this.#raw.split(text, templateSpans).flatMap((piece) => {
      if (piece.token) return [added(piece.token.id, piece, imageSpans, budget)];
      const section = {
        text: text.slice(piece.start, piece.end),
        templateSpans: shift(templateSpans, piece),
        imageSpans: shift(imageSpans, piece),
      };
      return this.#encodeSection(section, piece.start === 0, budget);
    });
  }

  /** A part without raw added tokens; `first` where the whole text begins with it. */
  #encodeSection(section: PromptText, first: boolean, budget: TokenBudget): EncodedToken[] {
    const text = this.#normalize(section.text);
    const mapped = <S extends Span>(spans: readonly S[]) => this.#normalizeSpans(section.text, text, spans);
    const imageSpans = mapped(section.imageSpans);
    return this.#normalized
      .split(text, mapped(section.templateSpans))
      .flatMap((piece) =>
        piece.token
          ? [added(piece.token.id, piece, imageSpans, budget)]
          : this.#encodePlain(text.slice(piece.start, piece.end), first && piece.start === 0, budget),
      );
  }

  #encodePlain(text: string, first: boolean, budget: TokenBudget): EncodedToken[] {
    const { pre_tokenizer: preTokenizer } = this.#bpe.library;
    const words = preTokenizer ? preTokenizer.pre_tokenize(text, { section_index: first ? 0 : 1 }) : [text];
    return words.flatMap((word) => this.#encodeWord(word, budget));
  }

  #encodeWord(word: string, budget: TokenBudget): readonly EncodedToken[] {
    const known = this.#words.get(word);
    if (known === undefined) return this.#encodeNewWord(word, budget);
    budget.use(known.length);
    return known;
  }

  /** A word without spaces may be the whole text, so its least number of tokens is looked at before it is merged. */
  #encodeNewWord(word: string, budget: TokenBudget): readonly EncodedToken[] {
    const { library, spellsBytes } = this.#bpe;
    const spelled = spellsBytes ? spellBytes(word) : word;
    budget.require(this.#fewestTokens(spelled));
    if (spelled.length > MAX_WORD_LENGTH) throw wordTooLong(spelled);
    const { model } = library;
    const tokens = model._call([spelled]).flatMap((token) => {
      const id = model.tokens_to_ids.get(token) ?? this.#unknown;
      return id === undefined ? [] : [{ id }];
    });
    budget.use(tokens.length);
    this.#remember(word, tokens);
    return tokens;
  }

  #remember(word: string, tokens: readonly EncodedToken[]): void {
    if (word.length > LONGEST_KEPT_WORD) return;
    if (this.#words.size === MOST_KEPT_WORDS) this.#words.clear();
    this.#words.set(word, tokens);
  }

  #fewestTokens({ length }: string): number {
    return Math.ceil(length / this.#longestToken);
  }

  #normalize(text: string): string {
    return this.#bpe.library.normalizer?.normalize(text) ?? text;
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

function longestToken({ model, addedTokens }: TokenizerFile): number {
  const contents = [...Object.keys(model.vocab), ...addedTokens.map(({ content }) => content)];
  return contents.reduce((longest, { length }) => Math.max(longest, length), 1);
}

/** The id of `model.unk_token`. The library does not know it: as markup it has left the library's vocabulary. */
function unknownId({ model, addedTokens }: TokenizerFile): number | undefined {
  const { unk_token: content, vocab } = model;
  if (typeof content !== 'string') return undefined;
  if (Object.hasOwn(vocab, content)) return vocab[content];
  return addedTokens.find((token) => token.content === content)?.id;
}

function wordTooLong({ length }: string): DiptychError {
  return new DiptychError(
    'invalid_parameter',
    `The prompt holds ${length} characters that cannot be split into words; at most ${MAX_WORD_LENGTH} are accepted ` +
      'in one piece. Put spaces between them or shorten the text.',
    { param: 'messages' },
  );
}

function added(id: number, piece: Span, imageSpans: readonly ImageSpan[], budget: TokenBudget): EncodedToken {
  budget.use(1);
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
