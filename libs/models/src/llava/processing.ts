import type { Checkpoint } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import { z } from 'zod';
import { count, maybe, withDefault } from '../settings.ts';
import { imageSettings, type LlavaImageSettings, type SupportedProcessors } from './image-settings.ts';
import type { LlavaModelConfig } from './model-config.ts';

/** What a checkpoint's files say about processing, held against config.json. */
export interface LlavaProcessing {
  readonly images: LlavaImageSettings;
  /** File that the image settings came from. */
  readonly file: string;
  /** What chat templates write in place of an image, and the placeholder of one feature row. */
  readonly imageToken: string;
}

/**
 * Reads the image processor's settings, which are in `preprocessor_config.json` or, in newer checkpoints, in
 * `processor_config.json`, and holds what `processor_config.json` and `tokenizer.json` repeat against config.json.
 *
 * @param supported The image processors that the family takes; the first is that of a file that names none.
 * @throws DiptychError `checkpoint_invalid` naming file and field, also where two files contradict each other;
 *   `checkpoint_file_missing`.
 */
export async function readProcessing(
  checkpoint: Checkpoint,
  model: LlavaModelConfig,
  supported: SupportedProcessors,
): Promise<LlavaProcessing> {
  const given = checkpoint.has(PROCESSOR)
    ? await checkpoint.readConfig(PROCESSOR, processorConfig)
    : processorConfig.parse({});
  checkProcessor(given, model);
  await checkImageToken(given.image_token, model.imageTokenId, checkpoint);
  const file = given.image_processor === undefined ? PREPROCESSOR : PROCESSOR;
  return {
    images: await readImages(checkpoint, file, imageSettings(supported)),
    file,
    imageToken: given.image_token,
  };
}

const PROCESSOR = 'processor_config.json';
const PREPROCESSOR = 'preprocessor_config.json';

/** transformers' LlavaProcessor and LlavaNextProcessor; absent numbers are those of config.json here. */
const processorConfig = z.looseObject({
  patch_size: maybe(count),
  vision_feature_select_strategy: maybe(z.string()),
  num_additional_image_tokens: maybe(z.int().min(0)),
  image_token: withDefault(z.string().min(1), '<image>'),
  image_processor: maybe(z.unknown()),
});

async function readImages(checkpoint: Checkpoint, file: string, schema: ReturnType<typeof imageSettings>) {
  if (file === PREPROCESSOR) return checkpoint.readConfig(file, schema);
  const { image_processor: images } = await checkpoint.readConfig(
    file,
    z.looseObject({ image_processor: schema }),
  );
  return images;
}

/** A processor of other numbers than the model's would write another number of image tokens than there are features. */
function checkProcessor(
  given: z.output<typeof processorConfig>,
  { vision, strategy }: LlavaModelConfig,
): void {
  const extra = vision.hasClassToken ? 1 : 0;
  const tower = `the tower of config.json adds ${extra} to its patches`;
  agree('patch_size', given.patch_size, vision.patchSize, 'vision_config.patch_size of config.json');
  agree('vision_feature_select_strategy', given.vision_feature_select_strategy, strategy, 'config.json');
  agree('num_additional_image_tokens', given.num_additional_image_tokens, extra, tower);
}

function agree<Value>(field: string, given: Value | undefined, expected: Value, source: string): void {
  if (given === undefined || given === expected) return;
  throw new DiptychError(
    'checkpoint_invalid',
    `${PROCESSOR}: ${field} is ${JSON.stringify(given)}, which contradicts ${source} (${JSON.stringify(expected)}).`,
    { param: field },
  );
}

const addedTokens = z.looseObject({
  added_tokens: withDefault(z.array(z.looseObject({ id: z.int(), content: z.string() })), []),
});

/** A checkpoint without a tokenizer, or whose tokenizer keeps the token elsewhere, is not judged here. */
async function checkImageToken(token: string, expected: number, checkpoint: Checkpoint): Promise<void> {
  const file = 'tokenizer.json';
  if (!checkpoint.has(file)) return;
  const { added_tokens: added } = await checkpoint.readConfig(file, addedTokens);
  const id = added.find(({ content }) => content === token)?.id;
  if (id === undefined || id === expected) return;
  throw new DiptychError(
    'checkpoint_invalid',
    `config.json: image_token_index is ${expected}, but the image token "${token}" is ${id} in ${file}.`,
    { param: 'image_token_index' },
  );
}
