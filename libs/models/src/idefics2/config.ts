import type { Checkpoint } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import { z } from 'zod';
import { type DecoderConfig, decoderConfig } from '../backbones/decoder-config.ts';
import { checkDecoderType } from '../backbones/decoder-types.ts';
import { type PerceiverConfig, perceiverConfig } from '../backbones/perceiver-config.ts';
import { siglipConfig } from '../backbones/siglip-config.ts';
import { count, maybe, tokenId, tokenIds, withDefault } from '../settings.ts';
import { type Idefics2ImageSettings, imageSettings } from './image-settings.ts';

/** What an `idefics2` checkpoint is, every default filled in. */
export interface Idefics2Config extends z.output<typeof modelConfig> {
  readonly images: Idefics2ImageSettings;
}

/**
 * Reads `config.json` and the image processor's settings, which are in `processor_config.json` or, in older
 * checkpoints, in `preprocessor_config.json`.
 *
 * @throws DiptychError `checkpoint_invalid` naming file and field; `checkpoint_file_missing`;
 *   `model_family_unsupported` for a decoder that is not supported.
 */
export async function readIdefics2Config(checkpoint: Checkpoint): Promise<Idefics2Config> {
  const { text_config: text } = await checkpoint.readConfig('config.json', typedConfig);
  checkDecoderType(text?.model_type ?? DECODER);
  const model = await checkpoint.readConfig('config.json', modelConfig);
  const { images, imageTokens } = await readProcessing(checkpoint);
  checkTokenCount(imageTokens, model.perceiver.latents);
  return { ...model, images };
}

const DECODER = 'mistral';

/** transformers' Idefics2Config for a file without `text_config`. */
const DECODER_UNSAID = { max_position_embeddings: 32_768, rms_norm_eps: 1e-5 };

/** transformers' Idefics2VisionConfig. */
const TOWER_DEFAULTS = { hidden_size: 768, num_attention_heads: 12, patch_size: 32 };

/** A `text_config` that does not name its type is a Mistral's. */
function namedDecoder(given: unknown): unknown {
  if (typeof given !== 'object') return given;
  const text = given ?? DECODER_UNSAID;
  return { ...text, model_type: ('model_type' in text ? text.model_type : undefined) ?? DECODER };
}

/** `config.json` with the defaults of transformers' Idefics2Config. */
const modelConfig = z
  .looseObject({
    image_token_id: withDefault(tokenId, 32_001),
    tie_word_embeddings: withDefault(z.boolean(), false),
    eos_token_id: maybe(tokenIds),
    vision_config: z.preprocess((given) => given ?? {}, siglipConfig(TOWER_DEFAULTS)),
    perceiver_config: z.preprocess((given) => given ?? {}, perceiverConfig),
    text_config: z.preprocess((given) => namedDecoder(given ?? null), decoderConfig),
  })
  .transform((raw) => ({
    vision: raw.vision_config,
    perceiver: fitted(raw.perceiver_config, raw.text_config),
    language: raw.text_config,
    imageTokenId: raw.image_token_id,
    tiedEmbeddings: raw.tie_word_embeddings,
    eosTokenIds: raw.eos_token_id ?? raw.text_config.eosTokenIds,
  }));

/** Idefics2Config: a resampler whose width is not the decoder's was left to defaults, and takes the decoder's. */
function fitted(perceiver: PerceiverConfig, { hiddenSize, rmsNormEpsilon }: DecoderConfig): PerceiverConfig {
  return perceiver.hiddenSize === hiddenSize ? perceiver : { ...perceiver, hiddenSize, rmsNormEpsilon };
}

const typedConfig = z.looseObject({ text_config: maybe(z.looseObject({ model_type: maybe(z.string()) })) });

const processorConfig = z.looseObject({ image_seq_len: maybe(count), image_processor: maybe(imageSettings) });

async function readProcessing(checkpoint: Checkpoint) {
  const newer = 'processor_config.json';
  const older = 'preprocessor_config.json';
  const given = checkpoint.has(newer) ? await checkpoint.readConfig(newer, processorConfig) : undefined;
  const images = given?.image_processor ?? (await checkpoint.readConfig(older, imageSettings));
  return { images, imageTokens: given?.image_seq_len };
}

function checkTokenCount(given: number | undefined, latents: number): void {
  if (given === undefined || given === latents) return;
  throw new DiptychError(
    'checkpoint_invalid',
    `processor_config.json: image_seq_len is ${given}, but perceiver_config.resampler_n_latents of config.json is ` +
      `${latents}.`,
    { param: 'image_seq_len' },
  );
}
