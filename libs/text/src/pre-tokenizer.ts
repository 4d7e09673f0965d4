import { invalid, isObject, type JsonObject } from './tokenizer-json.ts';

/**
 * Rewrites a `pre_tokenizer` of tokenizer.json so that the JavaScript library splits as the Rust one does. What differs
 * otherwise: digits beyond ASCII, whitespace beyond JavaScript's `\s`, Metaspace's splitting and its older
 * `add_prefix_space`, and the splitting behaviours, which the library does not tell apart. Throws `checkpoint_invalid`
 * for what cannot be expressed.
 */
export function adaptPreTokenizer(config: unknown): JsonObject | null {
  if (config === null || config === undefined) return null;
  if (!isObject(config)) throw invalid('has a pre_tokenizer that is not an object');
  switch (config.type) {
    case 'Sequence':
      return sequence(parts(config).map(adaptPreTokenizer));
    case 'ByteLevel':
      return adaptByteLevel(config);
    case 'Digits':
      return isolate(config.individual_digits === true ? '\\p{N}' : '\\p{N}+');
    case 'Metaspace':
      return adaptMetaspace(config);
    case 'Split':
      return adaptSplit(config);
    default:
      return config;
  }
}

/**
 * Takes the last step from an adapted pre-tokeniser where that only spells bytes as characters, which is the most
 * costly one: whoever remembers words need not spell them again.
 */
export function withoutByteStep(config: JsonObject | null): {
  readonly preTokenizer: JsonObject | null;
  readonly spellsBytes: boolean;
} {
  if (config?.type === 'ByteLevel') return { preTokenizer: null, spellsBytes: true };
  if (config?.type !== 'Sequence') return { preTokenizer: config, spellsBytes: false };
  const steps = parts(config).filter(isObject);
  const { preTokenizer: last, spellsBytes } = withoutByteStep(steps.at(-1) ?? null);
  return { preTokenizer: sequence([...steps.slice(0, -1), last]), spellsBytes };
}

/** GPT-2's pattern: contractions, then runs of letters, numbers, others, and whitespace. */
const BYTE_LEVEL_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

function adaptByteLevel(config: JsonObject): JsonObject {
  const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
  const prefix = { type: 'Replace', pattern: { Regex: '\\A[^ ]' }, content: ' $&' };
  return sequence([
    ...(config.add_prefix_space === true ? [prefix] : []),
    ...(config.use_regex === false ? [] : [isolate(BYTE_LEVEL_PATTERN)]),
    bytes,
  ]);
}

function adaptMetaspace(config: JsonObject): JsonObject {
  const replacement = typeof config.replacement === 'string' ? config.replacement : '▁';
  const scheme = config.prepend_scheme ?? (config.add_prefix_space === false ? 'never' : 'always');
  const metaspace = { type: 'Metaspace', replacement, prepend_scheme: scheme };
  if (config.split === false) return metaspace;
  return sequence([metaspace, isolate(`${replacement}[^${replacement}]*|[^${replacement}]+`)]);
}

function adaptSplit(config: JsonObject): JsonObject {
  if (config.behavior === 'Isolated') return { ...config, invert: false };
  if (config.behavior === 'Removed') return config;
  throw invalid(`splits with the behaviour ${JSON.stringify(config.behavior)}, which is not supported`);
}

function isolate(regex: string): JsonObject {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false };
}

function sequence(pretokenizers: readonly (JsonObject | null)[]): JsonObject {
  return { type: 'Sequence', pretokenizers };
}

function parts({ pretokenizers }: JsonObject): readonly unknown[] {
  if (!Array.isArray(pretokenizers)) throw invalid('has a pre_tokenizer sequence without pretokenizers');
  return pretokenizers;
}
