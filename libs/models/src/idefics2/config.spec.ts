import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonCheckpoint } from '../spec/json-checkpoint.ts';
import { readIdefics2Config } from './config.ts';
import { idefics2 } from './family.ts';

type Fields = Readonly<Record<string, unknown>>;

/** config.json of HuggingFaceM4/idefics2-8b, as far as it goes: the rest are defaults. */
const HUB = {
  model_type: 'idefics2',
  image_token_id: 32_001,
  additional_vocab_size: 3,
  perceiver_config: { model_type: 'idefics2', resampler_n_latents: 64, resampler_depth: 3 },
  text_config: {
    model_type: 'mistral',
    vocab_size: 32_003,
    max_position_embeddings: 32_768,
    rms_norm_eps: 1e-5,
    pad_token_id: 0,
  },
  vision_config: {
    model_type: 'idefics2',
    hidden_size: 1152,
    image_size: 980,
    intermediate_size: 4304,
    num_attention_heads: 16,
    num_hidden_layers: 27,
    patch_size: 14,
  },
};

const open = (config: Fields, files: Fields = {}) =>
  jsonCheckpoint({ 'config.json': config, 'preprocessor_config.json': {}, ...files });
const read = async (config: Fields, files: Fields = {}) => readIdefics2Config(await open(config, files));

test('the sparse file of the hub means the sizes of idefics2-8b', async () => {
  const { vision, perceiver, language, images, ...rest } = await read(HUB);
  assert.deepEqual(vision, {
    hiddenSize: 1152,
    intermediateSize: 4304,
    layers: 27,
    heads: 16,
    imageSize: 980,
    patchSize: 14,
    activation: 'gelu_pytorch_tanh',
    layerNormEpsilon: 1e-6,
  });
  assert.deepEqual(perceiver, {
    activation: 'silu',
    hiddenSize: 4096,
    rmsNormEpsilon: 1e-6,
    latents: 64,
    layers: 3,
    heads: 16,
    headDim: 96,
    kvHeads: 4,
  });
  const { layers, hiddenSize, intermediateSize, kvHeads, headDim, rmsNormEpsilon, slidingWindows } = language;
  assert.deepEqual(
    { layers, hiddenSize, intermediateSize, kvHeads, headDim, rmsNormEpsilon, window: slidingWindows[0] },
    {
      layers: 32,
      hiddenSize: 4096,
      intermediateSize: 14_336,
      kvHeads: 8,
      headDim: 128,
      rmsNormEpsilon: 1e-5,
      window: 4096,
    },
  );
  assert.deepEqual(images, {
    size: { shortest_edge: 378, longest_edge: 980 },
    split: false,
    resample: 'bilinear',
    rescale: 1 / 255,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  });
  assert.deepEqual(rest, { imageTokenId: 32_001, tiedEmbeddings: false, eosTokenIds: [2] });
});

test('a file that says nothing takes the defaults of the reference', async () => {
  const { vision, language, imageTokenId } = await read({ model_type: 'idefics2' });
  assert.deepEqual([vision.hiddenSize, vision.heads, vision.patchSize], [768, 12, 32]);
  assert.deepEqual([language.maxPositions, language.rmsNormEpsilon], [32_768, 1e-5]);
  assert.equal(imageTokenId, 32_001);
});

test('a decoder without a type is a Mistral with its own defaults', async () => {
  const { language } = await read({
    text_config: { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2 },
  });
  assert.deepEqual([language.maxPositions, language.rmsNormEpsilon], [131_072, 1e-6]);
  assert.equal(language.slidingWindows[0], 4096);
});

test('a resampler of another width than the decoder takes width and epsilon of the decoder', async () => {
  const text_config = { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2, rms_norm_eps: 1e-3 };
  const epsilon = async (perceiver_config: Fields) => {
    const { perceiver } = await read({ text_config, perceiver_config });
    return [perceiver.hiddenSize, perceiver.rmsNormEpsilon];
  };
  assert.deepEqual(await epsilon({ rms_norm_eps: 1e-4 }), [64, 1e-3]);
  assert.deepEqual(await epsilon({ hidden_size: 64, rms_norm_eps: 1e-4 }), [64, 1e-4]);
});

test('the image settings may be in either file, and the newer wins', async () => {
  const processor = { image_processor: { do_image_splitting: true }, image_seq_len: 64 };
  const { images } = await read(HUB, { 'processor_config.json': processor });
  assert.equal(images.split, true);
});

test('the end of an utterance ends an answer, whatever generation_config.json says', async () => {
  const tokenizer = { added_tokens: [{ id: 32_002, content: '<end_of_utterance>' }] };
  const ends = async (files: Fields) => (await idefics2.open(await open(HUB, files))).language.eosTokenIds;
  assert.deepEqual(await ends({}), [2]);
  assert.deepEqual(await ends({ 'tokenizer.json': tokenizer }), [2, 32_002]);
  const generation = { 'generation_config.json': { eos_token_id: [2, 32_002] } };
  assert.deepEqual(await ends({ 'tokenizer.json': tokenizer, ...generation }), [2, 32_002]);
});

test('a token that the model has no embedding of ends nothing', async () => {
  const tokenizer = { added_tokens: [{ id: 32_003, content: '<end_of_utterance>' }] };
  const model = await idefics2.open(await open(HUB, { 'tokenizer.json': tokenizer }));
  assert.deepEqual(model.language.eosTokenIds, [2]);
});

const WRONG: readonly [name: string, fields: Fields, says: RegExp][] = [
  [
    'a count of text',
    { perceiver_config: { resampler_depth: 'three' } },
    /perceiver_config\.resampler_depth: /,
  ],
  [
    'key heads that do not divide',
    { perceiver_config: { num_key_value_heads: 3 } },
    /perceiver_config\.num_key_value_heads: must divide resampler_n_heads/,
  ],
  ['a tower of a text', { vision_config: 'siglip' }, /vision_config: /],
  ['a decoder of a text', { text_config: 'mistral' }, /text_config: /],
  [
    'a tile of less than a patch',
    { vision_config: { image_size: 8 } },
    /image_size: must be at least patch_size/,
  ],
  [
    'a head that the kernel cannot rotate',
    { text_config: { head_dim: 20 } },
    /head_dim: must be a multiple of 16/,
  ],
];

for (const [name, fields, says] of WRONG) {
  test(`refuses ${name}, naming the field`, async () => {
    await assert.rejects(read(fields), { code: 'checkpoint_invalid', message: /^config\.json: / });
    await assert.rejects(read(fields), { message: says });
  });
}

test('refuses another decoder, naming those that are supported', async () => {
  await assert.rejects(read({ text_config: { model_type: 'gemma' } }), {
    code: 'model_family_unsupported',
    message: /text_config\.model_type is "gemma".*mistral/,
  });
});

test('refuses image settings that the reference refuses, naming the file', async () => {
  const settings = { 'preprocessor_config.json': { size: { shortest_edge: 378 } } };
  await assert.rejects(read(HUB, settings), {
    code: 'checkpoint_invalid',
    message: /^preprocessor_config\.json: size/,
  });
});

test('refuses a token count that contradicts the resampler', async () => {
  const files = { 'processor_config.json': { image_seq_len: 32 } };
  await assert.rejects(read(HUB, files), {
    code: 'checkpoint_invalid',
    message: /^processor_config\.json: image_seq_len is 32, but .* is 64/,
  });
});
