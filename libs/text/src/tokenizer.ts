import { Detokenizer } from './detokenizer.ts';
import { asReferenceLoads } from './llama-tokenizer.ts';
import { type Frame, readFrame } from './post-processor.ts';
import type { EncodedPrompt, PromptImage, Segment } from './prompt.ts';
import { type EncodedToken, PromptEncoder } from './prompt-encoder.ts';
import { joinSegments, type PromptText } from './prompt-text.ts';
import { listSpecialContents, parseSpecialTokens, type SpecialTokens } from './special-tokens.ts';
import { spellingOf, tokenBytesTable } from './token-bytes.ts';
import { parseTokenizerFile, type TokenizerFile } from './tokenizer-json.ts';

/** The checkpoint's files that make a tokeniser, parsed as JSON. */
export interface TokenizerSources {
  /** tokenizer.json */
  readonly tokenizer: unknown;
  /** tokenizer_config.json; `undefined` where the checkpoint has none. */
  readonly tokenizerConfig: unknown;
  /** `model_type` of config.json, by which the reference chooses the class of a tokeniser. */
  readonly modelType?: string | undefined;
}

/** How a prompt is encoded. */
export interface EncodeOptions {
  /** The placeholder among the tokens of an image's expansion, one for each feature row. */
  readonly imageTokenId: number;
  /** Where encoding stops with `context_length_exceeded`: a guard against huge texts, no limit by default. */
  readonly maxTokens?: number | undefined;
  /**
   * Whether the tokeniser's post-processor puts its special tokens, such as the start token, around the prompt. Absent:
   * unless the prompt begins with the start token, as the reference's `apply_chat_template` does with what a template
   * wrote. The reference's processors do, by default, with a prompt that they are given as a text.
   */
  readonly addSpecialTokens?: boolean | undefined;
}

/** How generated ids become text. */
export interface DetokenizeOptions {
  /** The text continues another one, so that a space which it begins with belongs to it. */
  readonly continuesText?: boolean;
}

/**
 * A checkpoint's byte-pair tokeniser, byte-level (GPT-2, Llama 3, SmolLM) or SentencePiece-like (Llama 2, Mistral).
 *
 * Ids equal those of the Rust `tokenizers` library on the whole prompt as one text, with one difference on purpose:
 * added tokens (special tokens, image placeholders, tool markup) are recognised in template text alone, so that a user's
 * text is ordinary characters whatever it spells. Runs of whitespace that are added tokens are ordinary vocabulary and
 * recognised everywhere.
 */
export class Tokenizer {
  readonly #file: TokenizerFile;
  readonly #encoder: PromptEncoder;
  readonly #bytes: readonly (Uint8Array | undefined)[];
  readonly #specialIds: ReadonlySet<number>;
  readonly #frame: Frame;
  /** `bos_token`, `eos_token` and the like of tokenizer_config.json, as chat templates use them. */
  readonly specialTokens: SpecialTokens;

  /** Throws `checkpoint_invalid` for files that are not a BPE tokeniser. */
  static load(sources: TokenizerSources): Tokenizer {
    return new Tokenizer(sources);
  }

  private constructor(sources: TokenizerSources) {
    const { tokenizerConfig } = sources;
    this.#file = parseTokenizerFile(asReferenceLoads(sources), listSpecialContents(tokenizerConfig));
    this.#encoder = new PromptEncoder(this.#file);
    this.#bytes = tokenBytesTable(this.#file);
    this.#specialIds = new Set(this.#file.addedTokens.filter(({ special }) => special).map(({ id }) => id));
    this.#frame = readFrame(this.#file);
    this.specialTokens = parseSpecialTokens(tokenizerConfig);
  }

  /** One more than the largest id. The model's vocabulary may be larger, padded. */
  get vocabSize(): number {
    return this.#bytes.length;
  }

  /** Whether an id is a special token: decoded text leaves it out. */
  isSpecial(id: number): boolean {
    return this.#specialIds.has(id);
  }

  /** The id of the token that is spelled exactly so among the added tokens or in the vocabulary. */
  tokenId(content: string): number | undefined {
    const token = this.#file.addedTokens.find((added) => added.content === content);
    return (
      token?.id ??
      (Object.hasOwn(this.#file.model.vocab, content) ? this.#file.model.vocab[content] : undefined)
    );
  }

  /** The bytes that a token stands for; none for an id that the tokeniser lacks. Not to be changed. */
  tokenBytes(id: number): Uint8Array {
    return this.#bytes[id] ?? NO_BYTES;
  }

  /** A decoder for one stream of generated ids. */
  createDetokenizer({ continuesText = false }: DetokenizeOptions = {}): Detokenizer {
    const dropLeadingSpace = !continuesText && spellingOf(this.#file) === 'sentencepiece';
    return new Detokenizer(this, { dropLeadingSpace });
  }

  /**
   * Ids of a whole prompt. `expansions[i]` replaces image `i` and is template text.
   *
   * Throws `image_count_mismatch` unless the segments refer to each image exactly once, `invalid_parameter` for text
   * that is not well-formed Unicode or holds a word of absurd length, and `context_length_exceeded` beyond `maxTokens`.
   */
  encodePrompt(
    segments: readonly Segment[],
    expansions: readonly string[],
    { imageTokenId, maxTokens = Number.POSITIVE_INFINITY, addSpecialTokens }: EncodeOptions,
  ): EncodedPrompt {
    const prompt = joinSegments(segments, expansions);
    const framed = addSpecialTokens ?? !this.#spellsStart(prompt);
    const encoded = this.#encoder.encode(prompt, maxTokens);
    const tokens = framed ? this.#addFrame(encoded) : encoded;
    const isPlaceholder = ({ id, image }: EncodedToken) => image !== undefined && id === imageTokenId;
    const positions = tokens.flatMap((token, position) => (isPlaceholder(token) ? [position] : []));
    return {
      ids: Int32Array.from(tokens, ({ id }) => id),
      imagePositions: Int32Array.from(positions),
      images: promptImages(
        prompt,
        positions.map((position) => tokens[position]?.image),
      ),
    };
  }

  #spellsStart({ text, templateSpans }: PromptText): boolean {
    const { bos_token: start } = this.specialTokens;
    return start !== undefined && text.startsWith(start) && templateSpans[0]?.start === 0;
  }

  #addFrame(tokens: readonly EncodedToken[]): readonly EncodedToken[] {
    const asTokens = (ids: readonly number[]) => ids.map((id) => ({ id }));
    return [...asTokens(this.#frame.before), ...tokens, ...asTokens(this.#frame.after)];
  }
}

const NO_BYTES = new Uint8Array(0);

/** The part of the placeholders that belongs to each image; `imageOfRow` tells the image of each placeholder. */
function promptImages(
  { imageSpans }: PromptText,
  imageOfRow: readonly (number | undefined)[],
): PromptImage[] {
  let firstRow = 0;
  return imageSpans.map(({ index }) => {
    const rows = imageOfRow.filter((image) => image === index).length;
    const image = { index, firstRow, rows };
    firstRow += rows;
    return image;
  });
}
