import { DiptychError } from '@diptych/errors';
import { z } from 'zod';
import { count, squareEdge } from '../settings.ts';

/** The sizes and choices of a CLIP tower, or of a SigLIP tower at one size, every default filled in. */
export type ClipConfig = z.output<typeof clipConfig>;

const SHARED = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  num_channels: 3,
  image_size: 224,
};

/** Towers by `model_type`, with the defaults of transformers' CLIPVisionConfig and SiglipVisionConfig. */
const TOWER_DEFAULTS = {
  clip_vision_model: { ...SHARED, patch_size: 32, hidden_act: 'quick_gelu', layer_norm_eps: 1e-5 },
  siglip_vision_model: { ...SHARED, patch_size: 16, hidden_act: 'gelu_pytorch_tanh', layer_norm_eps: 1e-6 },
} as const;

type TowerType = keyof typeof TOWER_DEFAULTS;

/** Deeper than any tower; bounds what a file may make us list before its tensors are looked for. */
const MAX_LAYERS = 1000;

/** `vision_config` of a CLIP or SigLIP tower, by its `model_type`; CLIP where it has none. */
export const clipConfig = z.preprocess(
  fillDefaults,
  z
    .looseObject({
      model_type: z.enum(Object.keys(TOWER_DEFAULTS) as TowerType[]),
      hidden_size: count,
      intermediate_size: count,
      num_hidden_layers: count.max(MAX_LAYERS),
      num_attention_heads: count,
      num_channels: z.literal(3, 'must be 3, for red, green and blue'),
      image_size: squareEdge,
      patch_size: squareEdge,
      hidden_act: z.string(),
      layer_norm_eps: z.number().positive(),
    })
    .transform((raw) => ({
      /** Whether a class token comes before the patches and a norm before the layers: CLIP, not SigLIP. */
      hasClassToken: raw.model_type === 'clip_vision_model',
      hiddenSize: raw.hidden_size,
      intermediateSize: raw.intermediate_size,
      layers: raw.num_hidden_layers,
      heads: raw.num_attention_heads,
      /** Edge of the square images that the tower takes, in pixels. */
      imageSize: raw.image_size,
      patchSize: raw.patch_size,
      /** Whole patches along one side; pixels beyond them are not looked at. */
      side: Math.floor(raw.image_size / raw.patch_size),
      activation: raw.hidden_act,
      layerNormEpsilon: raw.layer_norm_eps,
    }))
    .refine(({ hiddenSize, heads }) => hiddenSize % heads === 0, {
      path: ['hidden_size'],
      message: 'must be a multiple of num_attention_heads',
    })
    .refine(({ side }) => side > 0, { path: ['patch_size'], message: 'must not exceed image_size' }),
);

/**
 * Refuses a tower that is not supported before its other fields are looked at.
 *
 * @param type `vision_config.model_type` of config.json.
 * @throws DiptychError `model_family_unsupported` listing the supported ones.
 */
export function checkTowerType(type: string): void {
  if (Object.hasOwn(TOWER_DEFAULTS, type)) return;
  const supported = Object.keys(TOWER_DEFAULTS).join(', ');
  throw new DiptychError(
    'model_family_unsupported',
    `config.json: vision_config.model_type is "${type}"; supported towers are ${supported}.`,
    { param: 'vision_config.model_type' },
  );
}

function fillDefaults(given: unknown): unknown {
  if (typeof given !== 'object' || given === null) return given;
  const type = ('model_type' in given ? given.model_type : undefined) ?? 'clip_vision_model';
  const known = Object.entries(TOWER_DEFAULTS).find(([name]) => name === type);
  return { ...known?.[1], ...given, model_type: type };
}
