import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonCheckpoint } from '../spec/json-checkpoint.ts';
import { llavaNextCheckpoint, type SmallFiles } from '../spec/llava-checkpoint.ts';
import { readLlavaNextConfig } from './config.ts';

const read = async (changes: SmallFiles = {}) => readLlavaNextConfig(await llavaNextCheckpoint(changes));

test('a file that says nothing means the grids of the reference', async () => {
  const files = {
    'config.json': { model_type: 'llava_next' },
    'preprocessor_config.json': { size: { shortest_edge: 336 }, crop_size: { height: 336, width: 336 } },
  };
  const { pinpoints, rowsPerTile } = await readLlavaNextConfig(await jsonCheckpoint(files));
  const sizes = pinpoints.map(({ width, height }) => [height, width]);
  assert.deepEqual(sizes, [
    [336, 672],
    [672, 336],
    [672, 672],
    [1008, 336],
    [336, 1008],
  ]);
  assert.equal(rowsPerTile, 576);
});

test('SigLIP keeps all its rows', async () => {
  const siglip = {
    vision_feature_select_strategy: 'full',
    vision_config: { model_type: 'siglip_vision_model' },
  };
  assert.equal((await read({ 'config.json': siglip })).rowsPerTile, 16);
});

const WRONG: readonly [name: string, changes: SmallFiles, says: RegExp][] = [
  [
    'a strategy that leaves the class token among the patches',
    { 'config.json': { vision_feature_select_strategy: 'full' } },
    /^config\.json: vision_feature_select_strategy is "full", .* it must be "default"/,
  ],
  [
    'a strategy that drops a patch',
    { 'config.json': { vision_config: { model_type: 'siglip_vision_model' } } },
    /^config\.json: vision_feature_select_strategy is "default", .* it must be "full"/,
  ],
  [
    'a grid that is no list of pairs',
    { 'config.json': { image_grid_pinpoints: [[56]] } },
    /^config\.json: image_grid_pinpoints\.0/,
  ],
  [
    'no grid at all',
    { 'config.json': { image_grid_pinpoints: [] } },
    /^config\.json: image_grid_pinpoints: /,
  ],
  [
    'a grid of broken tiles',
    { 'config.json': { image_grid_pinpoints: [[56, 100]] } },
    /^config\.json: image_grid_pinpoints has \[56, 100\]; both must be multiples of 56/,
  ],
  [
    'other grids in the processor',
    {
      'preprocessor_config.json': {
        image_grid_pinpoints: [
          [112, 112],
          [56, 112],
        ],
      },
    },
    /^preprocessor_config\.json: image_grid_pinpoints contradicts config\.json/,
  ],
  [
    'other tiles in the processor',
    { 'preprocessor_config.json': { crop_size: 64 } },
    /^preprocessor_config\.json: crop_size contradicts config\.json \(image_size, 56\)/,
  ],
  [
    'a whole image of another size in the processor',
    { 'preprocessor_config.json': { size: 64 } },
    /^preprocessor_config\.json: size contradicts config\.json \(image_size, 56\)/,
  ],
  [
    'the image processor of another family',
    { 'preprocessor_config.json': { image_processor_type: 'CLIPImageProcessor' } },
    /^preprocessor_config\.json: image_processor_type: .*LlavaNextImageProcessor/,
  ],
];

for (const [name, changes, message] of WRONG) {
  test(`refuses ${name}, naming file and field`, async () => {
    await assert.rejects(read(changes), { code: 'checkpoint_invalid', message });
  });
}
