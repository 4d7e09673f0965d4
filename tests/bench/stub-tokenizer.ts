import type { Json, Shape } from './shapes/shape.ts';

/**
 * A tokeniser with the vocabulary's exact size and the special tokens at their exact ids, but without the learned
 * merges: what is typed becomes one token a byte, and every other token is a word of its own that only generated text
 * holds. Prompts are a little longer than with the real one, by their text alone: image tokens are exact.
 */
export function stubTokenizer({ decoder, specialTokens, ...shape }: Shape): Json {
  const taken = new Set(specialTokens.map(({ id }) => id));
  const free = Array.from({ length: decoder.vocabulary }, (_, id) => id).filter((id) => !taken.has(id));
  const ordinary = free.map((id, rank): [string, number] => [BYTE_SPELLINGS[rank] ?? `Ġw${id}`, id]);
  const special = specialTokens.map(({ content, id }): [string, number] => [content, id]);
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map(({ id, content }) => ({ id, content, ...flags })),
    normalizer: null,
    pre_tokenizer: BYTE_LEVEL,
    post_processor: shape.addsStartToken ? startTokenFirst(shape.startToken, specialTokens) : null,
    decoder: BYTE_LEVEL,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries([...special, ...ordinary].toSorted(([, a], [, b]) => a - b)),
      merges: [],
    },
  };
}

/** The roles of special tokens, as `tokenizer_config.json` has them. */
export function stubTokenizerConfig({ startToken, endToken, files }: Shape): Json {
  const { processor_class } = files['processor_config.json'] ?? {};
  return {
    bos_token: startToken,
    clean_up_tokenization_spaces: false,
    eos_token: endToken,
    processor_class,
    tokenizer_class: 'PreTrainedTokenizerFast',
  };
}

/**
 * What the chat template of these models writes: each turn by role, `<image>` in an image's place, and
 * `<end_of_utterance>` after each turn. A template writes the start token where the tokeniser does not.
 */
export function chatTemplate({ addsStartToken, startToken }: Shape): string {
  return [
    addsStartToken ? '' : startToken,
    '{%- for message in messages -%}',
    "{{ message['role'] | capitalize }}:",
    "{%- if message['content'][0]['type'] != 'image' %} {% endif -%}",
    "{%- for part in message['content'] -%}",
    "{%- if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif -%}",
    '{%- endfor -%}',
    "<end_of_utterance>{{ '\\n' }}",
    '{%- endfor -%}',
    '{%- if add_generation_prompt %}Assistant:{% endif -%}',
  ].join('');
}

const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

/** GPT-2's characters for the 256 bytes: printable Latin-1 stands for itself, the others follow from U+0100 on. */
const BYTE_SPELLINGS: readonly string[] = byteSpellings();

function byteSpellings(): string[] {
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : 256 + others++),
  );
}

function isPrintable(byte: number): boolean {
  return (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
}

function startTokenFirst(content: string, specialTokens: Shape['specialTokens']): Json {
  const ids = specialTokens.filter((token) => token.content === content).map(({ id }) => id);
  const text = (sequence: string, type: number) => ({ Sequence: { id: sequence, type_id: type } });
  const start = { SpecialToken: { id: content, type_id: 0 } };
  return {
    type: 'TemplateProcessing',
    single: [start, text('A', 0)],
    pair: [start, text('A', 0), text('B', 1)],
    special_tokens: { [content]: { id: content, ids, tokens: [content] } },
  };
}
