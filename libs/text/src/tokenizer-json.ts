import { DiptychError } from '@diptych/errors';

/** A JSON object whose fields are not known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** An entry of `added_tokens`: text that becomes one token before anything else is looked at. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Only where no word character touches it. */
  readonly singleWord: boolean;
  /** Swallows the whitespace before it. */
  readonly lstrip: boolean;
  /** Swallows the whitespace after it. */
  readonly rstrip: boolean;
  /** Looked for in normalised text, after those that are not. */
  readonly normalized: boolean;
  /** Left out of decoded text. */
  readonly special: boolean;
}

/** The parts of tokenizer.json that Diptych reads itself; the rest goes to the tokenizers library as it is. */
export interface TokenizerFile {
  readonly json: JsonObject;
  readonly model: JsonObject & {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly unknown[];
  };
  readonly addedTokens: readonly AddedToken[];
}

/**
 * Checks tokenizer.json as far as it is read. `specialContents` are tokens that tokenizer_config.json names special; the
 * reference adds them to those of tokenizer.json. Throws `checkpoint_invalid` naming the field.
 */
export function parseTokenizerFile(value: unknown, specialContents: readonly string[] = []): TokenizerFile {
  if (!isObject(value)) throw invalid('is not a JSON object');
  const { model, added_tokens: addedTokens = [] } = value;
  if (!isObject(model)) throw invalid('has no model');
  if (model.type !== 'BPE')
    throw invalid(`has a model of type ${JSON.stringify(model.type)}; only BPE is supported`);
  if (!isVocabulary(model.vocab)) throw invalid('has no model.vocab that maps tokens to ids');
  if (!Array.isArray(model.merges)) throw invalid('has no model.merges');
  if (!Array.isArray(addedTokens)) throw invalid('has added_tokens that are not a list');
  return {
    json: value,
    model: { ...model, vocab: model.vocab, merges: model.merges },
    addedTokens: withSpecial(addedTokens.map(parseAddedToken), specialContents, model.vocab),
  };
}

/** True for an object that is not a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A `checkpoint_invalid` error about tokenizer.json. */
export function invalid(problem: string): DiptychError {
  return new DiptychError('checkpoint_invalid', `tokenizer.json ${problem}.`);
}

/** Marks tokens as special, and takes those in that only the vocabulary has. */
function withSpecial(
  tokens: readonly AddedToken[],
  specialContents: readonly string[],
  vocab: Readonly<Record<string, number>>,
): AddedToken[] {
  const known = new Set(tokens.map(({ content }) => content));
  const inVocabulary = [...new Set(specialContents)].flatMap((content) => {
    const id = Object.hasOwn(vocab, content) && !known.has(content) ? vocab[content] : undefined;
    return id === undefined ? [] : [parseAddedToken({ id, content, special: true }, 0)];
  });
  const marked = tokens.map((token) => ({
    ...token,
    special: token.special || specialContents.includes(token.content),
  }));
  return [...marked, ...inVocabulary];
}

function parseAddedToken(value: unknown, index: number): AddedToken {
  if (!isObject(value) || typeof value.content !== 'string' || value.content === '' || !isTokenId(value.id)) {
    throw invalid(`has an added_tokens[${index}] without id and content`);
  }
  const special = value.special === true;
  return {
    id: value.id,
    content: value.content,
    singleWord: value.single_word === true,
    lstrip: value.lstrip === true,
    rstrip: value.rstrip === true,
    normalized: typeof value.normalized === 'boolean' ? value.normalized : !special,
    special,
  };
}

function isVocabulary(value: unknown): value is Readonly<Record<string, number>> {
  return isObject(value) && Object.values(value).every(isTokenId);
}

function isTokenId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
