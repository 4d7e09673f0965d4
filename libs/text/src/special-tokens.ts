import { isObject } from './tokenizer-json.ts';

/** Special tokens by role, for example `eos_token`: the names that chat templates use. */
export type SpecialTokens = Readonly<Record<string, string>>;

/** Reads the special tokens of tokenizer_config.json; each is a string or an object with `content`. */
export function parseSpecialTokens(tokenizerConfig: unknown): SpecialTokens {
  if (!isObject(tokenizerConfig)) return {};
  const entries = Object.entries(tokenizerConfig)
    .filter(([name]) => name.endsWith('_token'))
    .map(([name, value]): [string, unknown] => [name, isObject(value) ? value.content : value])
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(entries);
}
