import { DiptychError } from '@diptych/errors';

const SHARED = {
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  hidden_act: 'silu',
  rms_norm_eps: 1e-6,
};

/**
 * The decoders that are supported, by `model_type`, and what their fields are where config.json lacks them:
 * transformers' LlamaConfig, MistralConfig and Qwen2Config.
 */
export const DECODER_DEFAULTS = {
  llama: {
    ...SHARED,
    vocab_size: 32_000,
    intermediate_size: 11_008,
    max_position_embeddings: 2048,
    eos_token_id: 2,
  },
  mistral: {
    ...SHARED,
    vocab_size: 32_000,
    intermediate_size: 14_336,
    num_key_value_heads: 8,
    max_position_embeddings: 131_072,
    sliding_window: 4096,
    eos_token_id: 2,
  },
  qwen2: {
    ...SHARED,
    vocab_size: 151_936,
    intermediate_size: 22_016,
    num_key_value_heads: 32,
    max_position_embeddings: 32_768,
    sliding_window: 4096,
    max_window_layers: 28,
  },
} as const;

/** `model_type` of a decoder that is supported. */
export type DecoderType = keyof typeof DECODER_DEFAULTS;

/**
 * Refuses a decoder that is not supported before its other fields are looked at.
 *
 * @param type `text_config.model_type` of config.json, the family's own default where it is absent.
 * @throws DiptychError `model_family_unsupported` listing the supported ones.
 */
export function checkDecoderType(type: string): void {
  if (Object.hasOwn(DECODER_DEFAULTS, type)) return;
  const supported = Object.keys(DECODER_DEFAULTS).join(', ');
  throw new DiptychError(
    'model_family_unsupported',
    `config.json: text_config.model_type is "${type}"; supported decoders are ${supported}.`,
    { param: 'text_config.model_type' },
  );
}
