import { z } from 'zod';
import { count, squareEdge, withDefault } from '../settings.ts';

/** A SigLIP vision tower's sizes and choices, every default filled in. */
export type SiglipConfig = z.output<ReturnType<typeof siglipConfig>>;

/** Fields of `vision_config` whose defaults differ from family to family. */
export interface SiglipDefaults {
  readonly hidden_size: number;
  readonly num_attention_heads: number;
  readonly patch_size: number;
}

/** `vision_config` with the defaults that the families' vision configurations share, and the family's own ones. */
export function siglipConfig(defaults: SiglipDefaults) {
  return z
    .looseObject({
      hidden_size: withDefault(count, defaults.hidden_size),
      intermediate_size: withDefault(count, 3072),
      num_hidden_layers: withDefault(count, 12),
      num_attention_heads: withDefault(count, defaults.num_attention_heads),
      num_channels: withDefault(z.literal(3, 'must be 3, for red, green and blue'), 3),
      image_size: withDefault(squareEdge, 224),
      patch_size: withDefault(squareEdge, defaults.patch_size),
      hidden_act: withDefault(z.string(), 'gelu_pytorch_tanh'),
      layer_norm_eps: withDefault(z.number().positive(), 1e-6),
    })
    .transform((raw) => ({
      hiddenSize: raw.hidden_size,
      intermediateSize: raw.intermediate_size,
      layers: raw.num_hidden_layers,
      heads: raw.num_attention_heads,
      /** Pixel edge that the position embeddings were trained for. */
      imageSize: raw.image_size,
      patchSize: raw.patch_size,
      activation: raw.hidden_act,
      layerNormEpsilon: raw.layer_norm_eps,
    }))
    .refine(({ hiddenSize, heads }) => hiddenSize % heads === 0, {
      path: ['hidden_size'],
      message: 'must be a multiple of num_attention_heads',
    })
    .refine(({ imageSize, patchSize }) => imageSize >= patchSize, {
      path: ['image_size'],
      message: 'must be at least patch_size',
    });
}
