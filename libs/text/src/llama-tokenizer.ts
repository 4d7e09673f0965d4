import type { TokenizerSources } from './tokenizer.ts';
import { isObject, type JsonObject } from './tokenizer-json.ts';

/**
 * tokenizer.json as transformers' AutoTokenizer loads it. For most families that is the file as it is. For some it takes
 * the vocabulary and the merges alone and puts its own LlamaTokenizer around them, whatever else the file says.
 */
export function asReferenceLoads({ tokenizer, tokenizerConfig, modelType }: TokenizerSources): unknown {
  const config = isObject(tokenizerConfig) ? tokenizerConfig : {};
  if (!isObject(tokenizer) || !isObject(tokenizer.model)) return tokenizer;
  if (!isRebuilt(tokenizer, config, modelType)) return tokenizer;
  const scheme = prependScheme(config);
  return {
    ...tokenizer,
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: SPACE, prepend_scheme: scheme, split: false },
    model: { ...tokenizer.model, unk_token: null, fuse_unk: true, byte_fallback: true },
    decoder: { type: 'Sequence', decoders: scheme === 'never' ? DECODERS : [...DECODERS, STRIP] },
  };
}

/** What stands for a space in the vocabulary. */
const SPACE = '▁';

const DECODERS = [
  { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
  { type: 'ByteFallback' },
  { type: 'Fuse' },
];

const STRIP = { type: 'Strip', content: ' ', start: 1, stop: 0 };

/** Families whose tokeniser is a LlamaTokenizer in the reference's table, and is not excepted by name there. */
const REBUILT_FAMILIES: ReadonlySet<string | undefined> = new Set(['idefics2']);

/** A byte-level file is never rebuilt, and neither is one that names another class. */
function isRebuilt(tokenizer: JsonObject, config: JsonObject, modelType: string | undefined): boolean {
  const { tokenizer_class: named } = config;
  const isLlama =
    named === undefined || named === null || named === 'LlamaTokenizer' || named === 'LlamaTokenizerFast';
  if (!REBUILT_FAMILIES.has(modelType) || !isLlama) return false;
  const { normalizer, pre_tokenizer: preTokenizer, decoder } = tokenizer;
  return !JSON.stringify([normalizer, preTokenizer, decoder]).includes('"ByteLevel"');
}

/** `_get_prepend_scheme`: where a space is put before a text that does not begin with one. */
function prependScheme({ add_prefix_space: prefix, legacy }: JsonObject): 'always' | 'first' | 'never' {
  if (prefix === false) return 'never';
  return legacy === true ? 'always' : 'first';
}
