import type { Checkpoint } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import type { LlavaImageSettings } from './image-settings.ts';
import { type LlavaModelConfig, readModelConfig } from './model-config.ts';
import { type LlavaProcessing, readProcessing } from './processing.ts';

/** What a `llava` checkpoint is, every default filled in. */
export interface LlavaConfig extends LlavaModelConfig, LlavaProcessing {}

/**
 * Reads the small files of a `llava` checkpoint.
 *
 * @throws DiptychError `checkpoint_invalid` naming file and field; `checkpoint_file_missing`;
 *   `model_family_unsupported` for a tower or a decoder that is not supported.
 */
export async function readLlavaConfig(checkpoint: Checkpoint): Promise<LlavaConfig> {
  const model = await readModelConfig(checkpoint);
  const processing = await readProcessing(checkpoint, model, PROCESSORS);
  checkImageSize(processing, model.vision.imageSize);
  return { ...model, ...processing };
}

/** transformers' AutoImageProcessor takes the first for a file that names none. */
const PROCESSORS = ['LlavaImageProcessor', 'CLIPImageProcessor', 'SiglipImageProcessor'] as const;

/** The tower has positions for one size, so the last step must always make that. */
function checkImageSize({ images, file }: LlavaProcessing, expected: number): void {
  const { field, width, height } = lastSize(images);
  if (width === expected && height === expected) return;
  throw new DiptychError(
    'checkpoint_invalid',
    `${file}: ${field} makes images of ${width} x ${height}; the tower takes ${expected} x ${expected}, ` +
      'vision_config.image_size of config.json.',
    { param: field },
  );
}

function lastSize({ crop, size, padColour }: LlavaImageSettings) {
  if (crop) return { field: 'crop_size', ...crop };
  if (!size) return { field: 'do_resize', width: 'any', height: 'any' };
  if ('height' in size) return { field: 'size', ...size };
  const edge = size.shortest_edge;
  return { field: 'size', width: edge, height: padColour ? edge : 'any' };
}
