import type { Checkpoint } from '@diptych/checkpoint';
import { z } from 'zod';
import { type ClipConfig, checkTowerType, clipConfig } from '../backbones/clip-config.ts';
import { decoderConfig } from '../backbones/decoder-config.ts';
import { checkDecoderType } from '../backbones/decoder-types.ts';
import { maybe, tokenId, tokenIds, withDefault } from '../settings.ts';

/** What config.json of a `llava` or `llava_next` checkpoint says, every default filled in. */
export type LlavaModelConfig = z.output<typeof modelConfig>;

/**
 * Reads config.json.
 *
 * @throws DiptychError `checkpoint_invalid` naming the field; `model_family_unsupported` for a tower or a decoder that is
 *   not supported.
 */
export async function readModelConfig(checkpoint: Checkpoint): Promise<LlavaModelConfig> {
  const { vision_config: vision, text_config: text } = await checkpoint.readConfig(
    'config.json',
    typedConfig,
  );
  checkTowerType(vision?.model_type ?? 'clip_vision_model');
  checkDecoderType(text?.model_type ?? 'llama');
  return checkpoint.readConfig('config.json', modelConfig);
}

const typed = z.looseObject({ model_type: maybe(z.string()) });
const typedConfig = z.looseObject({ vision_config: maybe(typed), text_config: maybe(typed) });

/** The tower of a file that has no `vision_config` at all. */
const USUAL_TOWER = {
  hidden_size: 1024,
  intermediate_size: 4096,
  num_hidden_layers: 24,
  num_attention_heads: 16,
  image_size: 336,
  patch_size: 14,
};

/** config.json with the defaults of transformers' LlavaConfig and LlavaNextConfig, which are the same. */
const modelConfig = z
  .looseObject({
    vision_config: z.preprocess((given) => given ?? USUAL_TOWER, clipConfig),
    text_config: z.preprocess((given) => given ?? {}, decoderConfig),
    image_token_id: maybe(tokenId),
    image_token_index: maybe(tokenId),
    projector_hidden_act: withDefault(z.string(), 'gelu'),
    multimodal_projector_bias: withDefault(z.boolean(), true),
    vision_feature_select_strategy: withDefault(z.enum(['default', 'full']), 'default'),
    vision_feature_layer: withDefault(z.union([z.int(), z.array(z.int()).min(1)]), -2),
    tie_word_embeddings: withDefault(z.boolean(), false),
    eos_token_id: maybe(tokenIds),
  })
  .transform((raw, context) => ({
    vision: raw.vision_config,
    language: raw.text_config,
    imageTokenId: raw.image_token_id ?? raw.image_token_index ?? 32_000,
    projector: { activation: raw.projector_hidden_act, bias: raw.multimodal_projector_bias },
    strategy: raw.vision_feature_select_strategy,
    /** Which hidden states of the tower lie side by side in a feature. */
    states: hiddenStates([raw.vision_feature_layer].flat(), raw.vision_config.layers, context),
    tiedEmbeddings: raw.tie_word_embeddings || raw.text_config.tiedEmbeddings,
    eosTokenIds: raw.eos_token_id ?? raw.text_config.eosTokenIds,
  }))
  .transform((config) => ({ ...config, rowsPerTile: countRows(config) }));

/** Python's indices into the tower's hidden states, of which there is one more than layers. */
function hiddenStates(indices: readonly number[], layers: number, context: z.RefinementCtx): number[] {
  const states = indices.map((index) => (index < 0 ? layers + 1 + index : index));
  if (states.some((state) => state < 0 || state > layers)) {
    const message = `must be from ${-layers - 1} to ${layers}: the tower has ${layers} layers`;
    context.addIssue({ code: 'custom', path: ['vision_feature_layer'], message });
  }
  return states;
}

/** Rows of features for each tile: patches and the class token; `default` leaves the first row out, whatever it is. */
function countRows({ vision, strategy }: { readonly vision: ClipConfig; readonly strategy: string }): number {
  const rows = vision.side ** 2 + (vision.hasClassToken ? 1 : 0);
  return strategy === 'default' ? rows - 1 : rows;
}
