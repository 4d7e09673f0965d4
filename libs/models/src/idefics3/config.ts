import type { Checkpoint } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import { z } from 'zod';
import { decoderConfig } from '../backbones/decoder-config.ts';
import { checkDecoderType } from '../backbones/decoder-types.ts';
import { siglipConfig } from '../backbones/siglip-config.ts';
import { count, maybe, tokenId, tokenIds, withDefault } from '../settings.ts';
import { type Idefics3ImageSettings, imageSettings } from './image-settings.ts';

/** What an `idefics3` or `smolvlm` checkpoint is, every default filled in. */
export interface Idefics3Config extends z.output<typeof modelConfig> {
  readonly images: Idefics3ImageSettings;
  /** Rows of features for each tile: patches over the pixel shuffle's square. */
  readonly tokensPerTile: number;
}

/**
 * Reads `config.json` and the image processor's settings, which are in `processor_config.json` or, in older
 * checkpoints, in `preprocessor_config.json`.
 *
 * @throws DiptychError `checkpoint_invalid` naming file and field; `checkpoint_file_missing`;
 *   `model_family_unsupported` for a decoder that is not supported.
 */
export async function readIdefics3Config(checkpoint: Checkpoint): Promise<Idefics3Config> {
  const { text_config: text } = await checkpoint.readConfig('config.json', typedConfig);
  checkDecoderType(text?.model_type ?? 'llama');
  const model = await checkpoint.readConfig('config.json', modelConfig);
  const { images, file, imageTokens } = await readProcessing(checkpoint);
  const tokensPerTile = countTileTokens(model, images, file);
  checkTokenCount(imageTokens, tokensPerTile);
  return { ...model, images, tokensPerTile };
}

/** transformers' Idefics3VisionConfig and SmolVLMVisionConfig. */
const TOWER_DEFAULTS = { hidden_size: 1152, num_attention_heads: 16, patch_size: 32 };

/** `config.json` with the defaults of transformers' Idefics3Config and SmolVLMConfig, which are the same. */
const modelConfig = z
  .looseObject({
    image_token_id: withDefault(tokenId, 128_257),
    scale_factor: withDefault(count, 2),
    tie_word_embeddings: withDefault(z.boolean(), false),
    eos_token_id: maybe(tokenIds),
    vision_config: z.preprocess((given) => given ?? {}, siglipConfig(TOWER_DEFAULTS)),
    text_config: z.preprocess((given) => given ?? { rms_norm_eps: 1e-5 }, decoderConfig),
  })
  .transform((raw) => ({
    vision: raw.vision_config,
    language: raw.text_config,
    imageTokenId: raw.image_token_id,
    /** Edge of the square of patches that the connector joins into one row. */
    scaleFactor: raw.scale_factor,
    tiedEmbeddings: raw.tie_word_embeddings,
    eosTokenIds: raw.eos_token_id ?? raw.text_config.eosTokenIds,
  }));

const typedConfig = z.looseObject({ text_config: maybe(z.looseObject({ model_type: maybe(z.string()) })) });

const processorConfig = z.looseObject({ image_seq_len: maybe(count), image_processor: maybe(imageSettings) });

async function readProcessing(checkpoint: Checkpoint) {
  const newer = 'processor_config.json';
  const older = 'preprocessor_config.json';
  const given = checkpoint.has(newer) ? await checkpoint.readConfig(newer, processorConfig) : undefined;
  const imageTokens = given?.image_seq_len;
  if (given?.image_processor) return { images: given.image_processor, file: newer, imageTokens };
  return { images: await checkpoint.readConfig(older, imageSettings), file: older, imageTokens };
}

function countTileTokens(
  { vision, scaleFactor }: z.output<typeof modelConfig>,
  { tileSize }: Idefics3ImageSettings,
  file: string,
): number {
  const patches = Math.floor(tileSize / vision.patchSize);
  if (patches > 0 && patches % scaleFactor === 0) return (patches / scaleFactor) ** 2;
  throw new DiptychError(
    'checkpoint_invalid',
    `${file}: max_image_size.longest_edge is ${tileSize}, which holds ${patches} whole patches of patch_size ` +
      `(${vision.patchSize}) of config.json; they must be a multiple of its scale_factor (${scaleFactor}).`,
    { param: 'max_image_size.longest_edge' },
  );
}

function checkTokenCount(given: number | undefined, computed: number): void {
  if (given === undefined || given === computed) return;
  throw new DiptychError(
    'checkpoint_invalid',
    `processor_config.json: image_seq_len is ${given}, but tile size, patch_size and scale_factor make ${computed}.`,
    { param: 'image_seq_len' },
  );
}
