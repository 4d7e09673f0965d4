import { Tokenizer } from '@huggingface/tokenizers';
import { isOrdinary } from './added-tokens.ts';
import { adaptPreTokenizer, withoutByteStep } from './pre-tokenizer.ts';
import { invalid, type JsonObject, type TokenizerFile } from './tokenizer-json.ts';

/** The library for one tokenizer.json, and what was taken from it. */
export interface BpeTokenizer {
  readonly library: BpeLibrary;
  /** Whether the model takes the bytes of words spelled as characters, by `spellBytes`. */
  readonly spellsBytes: boolean;
}

/** The parts of the tokenizers library that are used: normalising, splitting into words, merging byte pairs. */
export interface BpeLibrary {
  readonly normalizer: { normalize(text: string): string } | null;
  /** Splits into words, whose bytes are not spelled yet where `spellsBytes`. */
  readonly pre_tokenizer: { pre_tokenize(text: string, options: { section_index: number }): string[] } | null;
  readonly model: {
    readonly tokens_to_ids: ReadonlyMap<string, number>;
    /** The tokens of a list of words. */
    _call(words: readonly string[]): string[];
  };
}

/**
 * The library over a tokenizer.json without its added tokens: it would recognise them in a user's text as well. Markup
 * leaves the vocabulary too, because a model with `ignore_merges` takes a whole word that the vocabulary has.
 * Throws `checkpoint_invalid` for what the library does not know.
 */
export function createBpeTokenizer({ json, model, addedTokens }: TokenizerFile): BpeTokenizer {
  const markup = new Set(addedTokens.filter((token) => !isOrdinary(token)).map(({ content }) => content));
  const { preTokenizer, spellsBytes } = withoutByteStep(adaptPreTokenizer(json.pre_tokenizer));
  const definition = {
    ...json,
    normalizer: json.normalizer ?? null,
    pre_tokenizer: preTokenizer,
    model: withoutTokens(model, markup),
    post_processor: null,
    decoder: null,
    added_tokens: [],
  };
  try {
    // The package's declarations import each other without extensions, so nothing in them has a type here.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call -- see above
    return { library: new Tokenizer(definition, {}), spellsBytes };
  } catch (error) {
    throw invalid(`cannot be used (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** The model without some tokens and the merges that make them, so that no plain text becomes one of them. */
function withoutTokens(model: TokenizerFile['model'], removed: ReadonlySet<string>): JsonObject {
  const vocab = Object.fromEntries(Object.entries(model.vocab).filter(([token]) => !removed.has(token)));
  const merges = model.merges.filter((merge) => !removed.has(mergedToken(merge)));
  return { ...model, vocab, merges };
}

/** What a merge makes; older files write one as "left right", newer ones as a pair. */
function mergedToken(merge: unknown): string {
  return Array.isArray(merge) ? merge.join('') : typeof merge === 'string' ? merge.replace(' ', '') : '';
}
