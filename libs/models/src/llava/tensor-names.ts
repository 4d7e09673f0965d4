import type { CheckpointTensors } from '../checkpoint-tensors.ts';

/** Where the parts of a `llava` or `llava_next` checkpoint are. */
export interface LlavaTensors {
  /** `embeddings`, `encoder` and, for CLIP, `pre_layrnorm`. */
  readonly tower: CheckpointTensors;
  /** `linear_1`, `linear_2`. */
  readonly projector: CheckpointTensors;
  /** `embed_tokens`, `layers`, `norm`. */
  readonly decoder: CheckpointTensors;
  /** `lm_head`. */
  readonly head: CheckpointTensors;
  /** `image_newline`, which only `llava_next` has. */
  readonly newline: CheckpointTensors;
}

/**
 * The parts by the names that a checkpoint holds. Those of the hub (`language_model.model`,
 * `vision_tower.vision_model`), those of a model as transformers has held it since (`model.language_model`,
 * `model.vision_tower`), and those that transformers 5 saves (`language_model.model`, `vision_tower` without
 * `vision_model`) are all in use; transformers maps them onto each other on loading.
 */
export function llavaTensors(all: CheckpointTensors): LlavaTensors {
  const newer = all.within('model');
  const root =
    newer.has(`vision_tower.${PATCHES}`) || newer.has(`vision_tower.vision_model.${PATCHES}`) ? newer : all;
  const tower = root.within('vision_tower');
  return {
    tower: tower.has(PATCHES) ? tower : tower.within('vision_model'),
    projector: root.within('multi_modal_projector'),
    decoder: newer.has('language_model.embed_tokens.weight')
      ? newer.within('language_model')
      : all.within('language_model.model'),
    head: all.has('language_model.lm_head.weight') ? all.within('language_model') : all,
    newline: root,
  };
}

const PATCHES = 'embeddings.patch_embedding.weight';
