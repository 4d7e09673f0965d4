import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changed, jsonCheckpoint, MINIMAL } from '../spec/json-checkpoint.ts';
import { readIdefics3Config } from './config.ts';

test('fields that are absent take the defaults of the reference', async () => {
  const { language, vision, images, tokensPerTile, ...rest } = await readIdefics3Config(
    await jsonCheckpoint(MINIMAL),
  );
  assert.deepEqual(language, {
    vocabSize: 100,
    hiddenSize: 64,
    intermediateSize: 11_008,
    layers: 32,
    heads: 4,
    kvHeads: 4,
    headDim: 16,
    activation: 'silu',
    maxPositions: 2048,
    rmsNormEpsilon: 1e-6,
    qkvBias: false,
    outputBias: false,
    mlpBias: false,
    slidingWindows: Array.from({ length: 32 }, () => undefined),
    rope: { theta: 10_000, scaling: undefined },
    tiedEmbeddings: false,
    eosTokenIds: [2],
  });
  assert.deepEqual(vision, {
    hiddenSize: 1152,
    intermediateSize: 3072,
    layers: 12,
    heads: 16,
    imageSize: 64,
    patchSize: 8,
    activation: 'gelu_pytorch_tanh',
    layerNormEpsilon: 1e-6,
  });
  assert.deepEqual(images, {
    size: { longest_edge: 256 },
    tileSize: 64,
    split: true,
    resample: 'lanczos3',
    rescale: 1 / 255,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  });
  assert.equal(tokensPerTile, 16);
  assert.deepEqual(rest, { imageTokenId: 7, scaleFactor: 2, tiedEmbeddings: false, eosTokenIds: [2] });
});

test('the rotary embedding is the same in the older and the newer form', async () => {
  const text = MINIMAL['config.json'].text_config;
  const scaling = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
  const older = { ...text, rope_theta: 5e5, rope_scaling: scaling };
  const newer = { ...text, rope_parameters: { ...scaling, rope_theta: 5e5 } };
  for (const text_config of [older, newer]) {
    const { rope } = (await readIdefics3Config(await changed('config.json', { text_config }))).language;
    assert.equal(rope.theta, 5e5);
    assert.equal(rope.scaling?.rope_type, 'llama3');
    assert.equal(rope.scaling.original_max_position_embeddings, 2048);
  }
});

test('a checkpoint without a decoder or a tower has those of the reference', async () => {
  const config = { ...MINIMAL['config.json'], text_config: null };
  const { language } = await readIdefics3Config(await jsonCheckpoint({ ...MINIMAL, 'config.json': config }));
  assert.deepEqual([language.hiddenSize, language.rmsNormEpsilon], [4096, 1e-5]);
});

test('the image settings may be in either file, and the newer wins', async () => {
  const processor = { image_processor: { max_image_size: { longest_edge: 32 }, do_image_splitting: false } };
  const both = await jsonCheckpoint({ ...MINIMAL, 'processor_config.json': processor });
  const { images, tokensPerTile } = await readIdefics3Config(both);
  assert.deepEqual([images.tileSize, images.split, tokensPerTile], [32, false, 4]);
});

test('a tile counts its whole patches, as SmolVLM-Instruct needs: 27 of 14 pixels in 384', async () => {
  const config = { vision_config: { image_size: 64, patch_size: 14 } };
  const { tokensPerTile } = await readIdefics3Config(await changed('config.json', config));
  assert.equal(tokensPerTile, 4);
});

const WRONG_MODEL: readonly [name: string, fields: Readonly<Record<string, unknown>>, says: RegExp][] = [
  [
    'a size that is no count',
    { text_config: { hidden_size: -1 } },
    /^config\.json: text_config\.hidden_size: /,
  ],
  [
    'heads that do not divide',
    { text_config: { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 3 } },
    /^config\.json: text_config\.num_key_value_heads: must divide/,
  ],
  [
    'a head size that the kernel cannot rotate',
    { text_config: { hidden_size: 64, num_attention_heads: 8 } },
    /^config\.json: text_config\.head_dim: must be a multiple of 16/,
  ],
  [
    'grey images',
    { vision_config: { num_channels: 1 } },
    /^config\.json: vision_config\.num_channels: must be 3/,
  ],
  [
    'patches that the connector cannot join',
    { vision_config: { image_size: 64, patch_size: 20 } },
    /max_image_size\.longest_edge is 64, which holds 3 whole patches .* multiple of its scale_factor \(2\)/,
  ],
];

for (const [name, fields, message] of WRONG_MODEL) {
  test(`refuses ${name}, naming the field`, async () => {
    await assert.rejects(readIdefics3Config(await changed('config.json', fields)), {
      code: 'checkpoint_invalid',
      message,
    });
  });
}

test('refuses an unknown decoder, naming the supported ones', async () => {
  const gemma = await changed('config.json', { text_config: { model_type: 'gemma' } });
  await assert.rejects(readIdefics3Config(gemma), {
    code: 'model_family_unsupported',
    message: /text_config\.model_type is "gemma".*llama, mistral, qwen2/,
  });
});

test('refuses an unknown filter, naming the file', async () => {
  await assert.rejects(readIdefics3Config(await changed('preprocessor_config.json', { resample: 5 })), {
    code: 'checkpoint_invalid',
    message: /^preprocessor_config\.json: resample: must be 1 \(lanczos\)/,
  });
});

test('refuses a token count that contradicts the tower', async () => {
  const files = { ...MINIMAL, 'processor_config.json': { image_seq_len: 64 } };
  await assert.rejects(readIdefics3Config(await jsonCheckpoint(files)), {
    code: 'checkpoint_invalid',
    message: /image_seq_len is 64, but .* make 16/,
  });
});
