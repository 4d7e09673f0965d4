import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonCheckpoint } from '../spec/json-checkpoint.ts';
import { llavaCheckpoint, type SmallFiles } from '../spec/llava-checkpoint.ts';
import { readLlavaConfig } from './config.ts';

const read = async (changes: SmallFiles = {}) => readLlavaConfig(await llavaCheckpoint(changes));

test('fields that are absent take the defaults of the reference', async () => {
  const { vision, language, images, file, ...rest } = await read();
  assert.deepEqual(vision, {
    hasClassToken: true,
    hiddenSize: 32,
    intermediateSize: 3072,
    layers: 3,
    heads: 2,
    imageSize: 56,
    patchSize: 14,
    side: 4,
    activation: 'quick_gelu',
    layerNormEpsilon: 1e-5,
  });
  assert.equal(language.rmsNormEpsilon, 1e-6);
  assert.deepEqual([images.crop, file], [{ width: 56, height: 56 }, 'preprocessor_config.json']);
  assert.deepEqual(rest, {
    imageTokenId: 32_000,
    imageToken: '<image>',
    projector: { activation: 'gelu', bias: true },
    strategy: 'default',
    states: [2],
    rowsPerTile: 16,
    tiedEmbeddings: false,
    eosTokenIds: [2],
  });
});

test('a file without tower and decoder means those of llava-1.5-7b', async () => {
  const files = {
    'config.json': { model_type: 'llava' },
    'preprocessor_config.json': { size: 336, crop_size: 336 },
  };
  const { vision, language, states, rowsPerTile } = await readLlavaConfig(await jsonCheckpoint(files));
  assert.deepEqual(
    [vision.hiddenSize, vision.layers, vision.side, language.hiddenSize],
    [1024, 24, 24, 4096],
  );
  assert.deepEqual([states, rowsPerTile], [[23], 576]);
});

test('the image token has either spelling', async () => {
  for (const spelling of ['image_token_index', 'image_token_id'])
    assert.equal((await read({ 'config.json': { [spelling]: 7 } })).imageTokenId, 7);
});

test('feature layers count from either end, and may be several', async () => {
  const states = async (layer: unknown) =>
    (await read({ 'config.json': { vision_feature_layer: layer } })).states;
  assert.deepEqual(await states(-1), [3]);
  assert.deepEqual(await states(0), [0]);
  assert.deepEqual(await states([-2, 3, 1]), [2, 3, 1]);
});

test('rows are patches and the class token, less the first one where the strategy says so', async () => {
  const rows = async (model_type: string, vision_feature_select_strategy: string) => {
    const changes = { 'config.json': { vision_feature_select_strategy, vision_config: { model_type } } };
    return (await read(changes)).rowsPerTile;
  };
  assert.equal(await rows('clip_vision_model', 'default'), 16);
  assert.equal(await rows('clip_vision_model', 'full'), 17);
  assert.equal(await rows('siglip_vision_model', 'default'), 15);
  assert.equal(await rows('siglip_vision_model', 'full'), 16);
});

test('embeddings are tied where either level says so', async () => {
  assert.equal(
    (await read({ 'config.json': { text_config: { tie_word_embeddings: true } } })).tiedEmbeddings,
    true,
  );
  assert.equal((await read({ 'config.json': { tie_word_embeddings: true } })).tiedEmbeddings, true);
});

test('the image settings may be in the newer file', async () => {
  const image_processor = { image_processor_type: 'SiglipImageProcessor', size: { height: 56, width: 56 } };
  const { images, file } = await read({ 'processor_config.json': { image_processor } });
  assert.deepEqual([images.mean, file], [[0.5, 0.5, 0.5], 'processor_config.json']);
});

const WRONG: readonly [name: string, changes: SmallFiles, says: RegExp][] = [
  [
    'an unknown strategy',
    { 'config.json': { vision_feature_select_strategy: 'cls' } },
    /^config\.json: vision_feature_select_strategy: .*"default"\|"full"/,
  ],
  [
    'a feature layer that the tower has not',
    { 'config.json': { vision_feature_layer: [-2, 4] } },
    /^config\.json: vision_feature_layer: must be from -4 to 3: the tower has 3 layers/,
  ],
  [
    'grey images',
    { 'config.json': { vision_config: { num_channels: 1 } } },
    /^config\.json: vision_config\.num_channels: must be 3/,
  ],
  [
    'patches larger than the image',
    { 'config.json': { vision_config: { patch_size: 57 } } },
    /^config\.json: vision_config\.patch_size: must not exceed image_size/,
  ],
  [
    'an unknown image processor',
    { 'preprocessor_config.json': { image_processor_type: 'ViTImageProcessor' } },
    /^preprocessor_config\.json: image_processor_type: .*LlavaImageProcessor.*CLIPImageProcessor.*SiglipImageProcessor/,
  ],
  [
    'a resize of the longest edge',
    { 'processor_config.json': { image_processor: { size: { longest_edge: 56 } } } },
    /^processor_config\.json: image_processor\.size: /,
  ],
  [
    'a crop that is not the tower’s size',
    { 'preprocessor_config.json': { crop_size: 60 } },
    /^preprocessor_config\.json: crop_size makes images of 60 x 60; the tower takes 56 x 56/,
  ],
  [
    'images that keep their shape',
    { 'preprocessor_config.json': { do_center_crop: false } },
    /^preprocessor_config\.json: size makes images of 56 x any; the tower takes 56 x 56/,
  ],
  [
    'another patch size in the processor',
    { 'processor_config.json': { patch_size: 16 } },
    /^processor_config\.json: patch_size is 16, which contradicts vision_config\.patch_size of config\.json \(14\)/,
  ],
  [
    'another strategy in the processor',
    { 'processor_config.json': { vision_feature_select_strategy: 'full' } },
    /^processor_config\.json: vision_feature_select_strategy is "full", .*config\.json \("default"\)/,
  ],
  [
    'another number of class tokens in the processor',
    { 'processor_config.json': { num_additional_image_tokens: 0 } },
    /^processor_config\.json: num_additional_image_tokens is 0, .*the tower of config\.json adds 1/,
  ],
];

for (const [name, changes, message] of WRONG) {
  test(`refuses ${name}, naming file and field`, async () => {
    await assert.rejects(read(changes), { code: 'checkpoint_invalid', message });
  });
}

test('refuses an image token that is another in the tokenizer', async () => {
  const files = {
    'config.json': { model_type: 'llava' },
    'preprocessor_config.json': { size: 336, crop_size: 336 },
    'tokenizer.json': { added_tokens: [{ id: 31_999, content: '<image>' }] },
  };
  await assert.rejects(readLlavaConfig(await jsonCheckpoint(files)), {
    code: 'checkpoint_invalid',
    message:
      /^config\.json: image_token_index is 32000, but the image token "<image>" is 31999 in tokenizer\.json/,
  });
});

test('refuses an unknown tower or decoder, naming the supported ones', async () => {
  const tower = { 'config.json': { vision_config: { model_type: 'dinov2' } } };
  await assert.rejects(read(tower), {
    code: 'model_family_unsupported',
    message:
      /vision_config\.model_type is "dinov2"; supported towers are clip_vision_model, siglip_vision_model/,
  });
  const decoder = { 'config.json': { text_config: { model_type: 'opt' } } };
  await assert.rejects(read(decoder), {
    code: 'model_family_unsupported',
    message: /text_config\.model_type is "opt"; supported decoders are llama, mistral, qwen2/,
  });
});
