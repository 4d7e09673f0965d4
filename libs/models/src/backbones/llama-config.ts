import { z } from 'zod';
import { count, maybe, tokenIds, withDefault } from '../settings.ts';

/** A Llama decoder's sizes and choices, every default filled in. */
export type LlamaConfig = z.output<typeof llamaConfig>;

/** ONNX Runtime's GroupQueryAttention rotates pairs in vectors of sixteen. */
const HEAD_DIM_STEP = 16;

const ropeParameters = z.looseObject({
  rope_theta: maybe(z.number().positive()),
  rope_type: maybe(z.string()),
  type: maybe(z.string()),
  factor: maybe(z.number().positive()),
  low_freq_factor: maybe(z.number().positive()),
  high_freq_factor: maybe(z.number().positive()),
  original_max_position_embeddings: maybe(count),
  partial_rotary_factor: maybe(
    z.number().refine((part) => part === 1, 'must be 1: partial rotary embeddings are not supported'),
  ),
});

/**
 * `text_config` of a Llama decoder, with the defaults of transformers' LlamaConfig. The rotary embedding comes
 * as `rope_parameters`, or as `rope_theta` and `rope_scaling` in older files.
 */
export const llamaConfig = z
  .looseObject({
    vocab_size: withDefault(count, 32_000),
    hidden_size: withDefault(count, 4096),
    intermediate_size: withDefault(count, 11_008),
    num_hidden_layers: withDefault(count, 32),
    num_attention_heads: withDefault(count, 32),
    num_key_value_heads: maybe(count),
    head_dim: maybe(count),
    hidden_act: withDefault(z.string(), 'silu'),
    max_position_embeddings: withDefault(count, 2048),
    rms_norm_eps: withDefault(z.number().positive(), 1e-6),
    attention_bias: withDefault(z.boolean(), false),
    mlp_bias: withDefault(z.boolean(), false),
    rope_theta: maybe(z.number().positive()),
    rope_scaling: maybe(ropeParameters),
    rope_parameters: maybe(ropeParameters),
    eos_token_id: withDefault(tokenIds, [2]),
  })
  .transform((raw) => ({
    vocabSize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    layers: raw.num_hidden_layers,
    heads: raw.num_attention_heads,
    kvHeads: raw.num_key_value_heads ?? raw.num_attention_heads,
    headDim: raw.head_dim ?? raw.hidden_size / raw.num_attention_heads,
    activation: raw.hidden_act,
    maxPositions: raw.max_position_embeddings,
    rmsNormEpsilon: raw.rms_norm_eps,
    attentionBias: raw.attention_bias,
    mlpBias: raw.mlp_bias,
    rope: rope(raw),
    eosTokenIds: raw.eos_token_id,
  }))
  .refine(({ heads, kvHeads }) => heads % kvHeads === 0, {
    path: ['num_key_value_heads'],
    message: 'must divide num_attention_heads',
  })
  .refine(({ headDim }) => headDim % HEAD_DIM_STEP === 0, {
    path: ['head_dim'],
    message: `must be a multiple of ${HEAD_DIM_STEP} (hidden_size / num_attention_heads where it is not given)`,
  });

type RopeParameters = z.output<typeof ropeParameters>;

/** transformers' RotaryEmbeddingConfigMixin: either form, `default_theta` 10000, the trained length as default. */
function rope(raw: {
  readonly rope_theta: number | undefined;
  readonly rope_scaling: RopeParameters | undefined;
  readonly rope_parameters: RopeParameters | undefined;
  readonly max_position_embeddings: number;
}) {
  const given = raw.rope_scaling ?? raw.rope_parameters;
  return {
    theta: given?.rope_theta ?? raw.rope_theta ?? 10_000,
    scaling: given && {
      ...given,
      original_max_position_embeddings: given.original_max_position_embeddings ?? raw.max_position_embeddings,
    },
  };
}
