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

/** Everything that tokenizer_config.json calls a special token, those without a role included. */
export function listSpecialContents(tokenizerConfig: unknown): string[] {
  if (!isObject(tokenizerConfig)) return [];
  const { additional_special_tokens: additional, extra_special_tokens: extra } = tokenizerConfig;
  const contents = [...valuesOf(additional), ...valuesOf(extra)].map((token) =>
    isObject(token) ? token.content : token,
  );
  const unnamed = contents.filter((content) => typeof content === 'string');
  return [...Object.values(parseSpecialTokens(tokenizerConfig)), ...unnamed].filter(
    (content) => content !== '',
  );
}

function valuesOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}
