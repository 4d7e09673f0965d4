import type { Checkpoint } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import type { Size } from '@diptych/image';
import { z } from 'zod';
import { gridPinpoints } from '../llava/grid-pinpoints.ts';
import type { LlavaImageSettings } from '../llava/image-settings.ts';
import { type LlavaModelConfig, readModelConfig } from '../llava/model-config.ts';
import { type LlavaProcessing, readProcessing } from '../llava/processing.ts';
import { withDefault } from '../settings.ts';

/** What a `llava_next` checkpoint is, every default filled in. */
export interface LlavaNextConfig extends LlavaModelConfig, LlavaProcessing {
  /** Sizes that an image may be brought to before it is cut into tiles, in the order that decides between equals. */
  readonly pinpoints: readonly Size[];
}

/**
 * Reads the small files of a `llava_next` checkpoint.
 *
 * @throws DiptychError `checkpoint_invalid` naming file and field; `checkpoint_file_missing`;
 *   `model_family_unsupported` for a tower or a decoder that is not supported.
 */
export async function readLlavaNextConfig(checkpoint: Checkpoint): Promise<LlavaNextConfig> {
  const model = await readModelConfig(checkpoint);
  const { image_grid_pinpoints: pinpoints } = await checkpoint.readConfig('config.json', gridConfig);
  const processing = await readProcessing(checkpoint, model, ['LlavaNextImageProcessor']);
  checkStrategy(model);
  checkPinpoints(pinpoints, model.vision.imageSize);
  checkImages(processing, model.vision.imageSize, pinpoints);
  return { ...model, ...processing, pinpoints };
}

/** Of LlavaNextConfig and of LlavaNextImageProcessor. */
const USUAL_PINPOINTS: Size[] = [
  { width: 672, height: 336 },
  { width: 336, height: 672 },
  { width: 672, height: 672 },
  { width: 336, height: 1008 },
  { width: 1008, height: 336 },
];

const gridConfig = z.looseObject({ image_grid_pinpoints: withDefault(gridPinpoints, USUAL_PINPOINTS) });

/** Packing lays the rows of a tile out as its square of patches, so there must be exactly as many. */
function checkStrategy({ strategy, rowsPerTile, vision }: LlavaModelConfig): void {
  if (rowsPerTile === vision.side ** 2) return;
  const other = strategy === 'default' ? 'full' : 'default';
  throw new DiptychError(
    'checkpoint_invalid',
    `config.json: vision_feature_select_strategy is "${strategy}", which leaves ${rowsPerTile} rows of ` +
      `${vision.side ** 2} patches; with this tower it must be "${other}".`,
    { param: 'vision_feature_select_strategy' },
  );
}

function checkPinpoints(pinpoints: readonly Size[], tile: number): void {
  const wrong = pinpoints.find(({ width, height }) => width % tile > 0 || height % tile > 0);
  if (!wrong) return;
  throw new DiptychError(
    'checkpoint_invalid',
    `config.json: image_grid_pinpoints has [${wrong.height}, ${wrong.width}]; both must be multiples of ${tile}, ` +
      'vision_config.image_size.',
    { param: 'image_grid_pinpoints' },
  );
}

/** The processor cuts tiles and chooses sizes by its own settings, which must be the model's. */
function checkImages({ images, file }: LlavaProcessing, tile: number, pinpoints: readonly Size[]): void {
  const { size, crop } = sizesOf(images, tile);
  if (size.width !== tile || size.height !== tile) throw contradiction(file, 'size', `image_size, ${tile}`);
  if (crop.width !== tile || crop.height !== tile)
    throw contradiction(file, 'crop_size', `image_size, ${tile}`);
  const own = images.gridPinpoints ?? USUAL_PINPOINTS;
  if (JSON.stringify(own) === JSON.stringify(pinpoints)) return;
  throw contradiction(file, 'image_grid_pinpoints', 'image_grid_pinpoints');
}

function sizesOf(
  { size, crop }: LlavaImageSettings,
  tile: number,
): { readonly size: Size; readonly crop: Size } {
  const square = (edge: number): Size => ({ width: edge, height: edge });
  const asSize = size && 'shortest_edge' in size ? square(size.shortest_edge) : size;
  return { size: asSize ?? square(tile), crop: crop ?? square(tile) };
}

function contradiction(file: string, field: string, other: string): DiptychError {
  const message = `${file}: ${field} contradicts config.json (${other}); the two must be equal.`;
  return new DiptychError('checkpoint_invalid', message, { param: field });
}
