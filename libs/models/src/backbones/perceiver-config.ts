import { z } from 'zod';
import { count, withDefault } from '../settings.ts';

/** A perceiver resampler's sizes and choices, every default filled in. */
export type PerceiverConfig = z.output<typeof perceiverConfig>;

/** `perceiver_config` with the defaults of transformers' Idefics2PerceiverConfig. */
export const perceiverConfig = z
  .looseObject({
    hidden_act: withDefault(z.string(), 'silu'),
    hidden_size: withDefault(count, 4096),
    rms_norm_eps: withDefault(z.number().positive(), 1e-6),
    resampler_n_latents: withDefault(count, 64),
    resampler_depth: withDefault(count, 3),
    resampler_n_heads: withDefault(count, 16),
    resampler_head_dim: withDefault(count, 96),
    num_key_value_heads: withDefault(count, 4),
  })
  .transform((raw) => ({
    activation: raw.hidden_act,
    hiddenSize: raw.hidden_size,
    rmsNormEpsilon: raw.rms_norm_eps,
    /** Rows that every tile is brought to. */
    latents: raw.resampler_n_latents,
    layers: raw.resampler_depth,
    heads: raw.resampler_n_heads,
    headDim: raw.resampler_head_dim,
    kvHeads: raw.num_key_value_heads,
  }))
  .refine(({ heads, kvHeads }) => heads % kvHeads === 0, {
    path: ['num_key_value_heads'],
    message: 'must divide resampler_n_heads',
  });
