import type { Shape } from './shape.ts';
import { SMOLVLM_256M } from './smolvlm-256m.ts';

/** A model of SmolVLM's family made narrow and short, with one tile an image: nobody's, for trying the bench itself. */
export const TINY: Shape = {
  ...SMOLVLM_256M,
  name: 'tiny',
  repository: '(none)',
  files: {
    'config.json': {
      image_token_id: 399,
      model_type: 'idefics3',
      scale_factor: 4,
      text_config: {
        hidden_size: 64,
        intermediate_size: 128,
        max_position_embeddings: 1024,
        model_type: 'llama',
        num_attention_heads: 4,
        num_hidden_layers: 2,
        num_key_value_heads: 2,
        rms_norm_eps: 1e-5,
        vocab_size: 400,
      },
      tie_word_embeddings: false,
      vision_config: {
        hidden_size: 32,
        image_size: 64,
        intermediate_size: 64,
        model_type: 'idefics3',
        num_attention_heads: 2,
        num_hidden_layers: 2,
        patch_size: 8,
      },
    },
    'generation_config.json': { bos_token_id: 1, eos_token_id: 2, pad_token_id: 0 },
    'preprocessor_config.json': {
      ...SMOLVLM_256M.files['preprocessor_config.json'],
      do_image_splitting: false,
      max_image_size: { longest_edge: 64 },
      size: { longest_edge: 64 },
    },
    'processor_config.json': { image_seq_len: 4, processor_class: 'Idefics3Processor' },
  },
  tower: { hidden: 32, intermediate: 64, layers: 2, patch: 8, positions: 8 * 8 },
  decoder: { hidden: 64, intermediate: 128, layers: 2, heads: 4, kvHeads: 2, headDim: 16, vocabulary: 400 },
  specialTokens: [
    { content: '<|endoftext|>', id: 0 },
    { content: '<|im_start|>', id: 1 },
    { content: '<end_of_utterance>', id: 2 },
    { content: '<global-img>', id: 397 },
    { content: '<fake_token_around_image>', id: 398 },
    { content: '<image>', id: 399 },
  ],
};
