import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decoderConfig } from './decoder-config.ts';
import { checkDecoderType } from './decoder-types.ts';

const read = (fields: Readonly<Record<string, unknown>>) => decoderConfig.parse(fields);

test('fields that are absent take the defaults of their type', () => {
  const sizes = (fields: Readonly<Record<string, unknown>>) => {
    const { vocabSize, intermediateSize, kvHeads, maxPositions, eosTokenIds } = read(fields);
    return [vocabSize, intermediateSize, kvHeads, maxPositions, eosTokenIds];
  };
  assert.deepEqual(sizes({}), [32_000, 11_008, 32, 2048, [2]]);
  assert.deepEqual(sizes({ model_type: 'llama' }), sizes({}));
  assert.deepEqual(sizes({ model_type: 'mistral' }), [32_000, 14_336, 8, 131_072, [2]]);
  assert.deepEqual(sizes({ model_type: 'qwen2' }), [151_936, 22_016, 32, 32_768, []]);
});

test('the few fields of a llava-1.5 checkpoint make its decoder', () => {
  const sparse = read({
    model_type: 'llama',
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    vocab_size: 32_064,
  });
  assert.deepEqual(
    [sparse.hiddenSize, sparse.layers, sparse.headDim, sparse.maxPositions, sparse.vocabSize],
    [4096, 32, 128, 4096, 32_064],
  );
});

test('as many key heads as query heads where the number is null', () => {
  for (const model_type of ['llama', 'mistral', 'qwen2'])
    assert.equal(read({ model_type, num_attention_heads: 16, num_key_value_heads: null }).kvHeads, 16);
});

test('each type has the biases of the reference', () => {
  const biases = (fields: Readonly<Record<string, unknown>>) => {
    const { qkvBias, outputBias, mlpBias } = read(fields);
    return [qkvBias, outputBias, mlpBias];
  };
  const asked = { attention_bias: true, mlp_bias: true };
  assert.deepEqual(biases({ model_type: 'llama' }), [false, false, false]);
  assert.deepEqual(biases({ model_type: 'llama', ...asked }), [true, true, true]);
  assert.deepEqual(biases({ model_type: 'mistral', ...asked }), [false, false, false]);
  assert.deepEqual(biases({ model_type: 'qwen2', ...asked }), [true, false, false]);
});

test('Mistral slides in every layer unless its window is null, Llama in none', () => {
  const windows = (fields: Readonly<Record<string, unknown>>) =>
    read({ num_hidden_layers: 2, ...fields }).slidingWindows;
  assert.deepEqual(windows({ model_type: 'mistral' }), [4096, 4096]);
  assert.deepEqual(windows({ model_type: 'mistral', sliding_window: 5 }), [5, 5]);
  assert.deepEqual(windows({ model_type: 'mistral', sliding_window: null }), [undefined, undefined]);
  assert.deepEqual(windows({ model_type: 'llama', sliding_window: 5 }), [undefined, undefined]);
});

test('Qwen2 slides from max_window_layers on, or as layer_types says, if at all', () => {
  const qwen = { model_type: 'qwen2', num_hidden_layers: 3, sliding_window: 8, max_window_layers: 2 };
  const windows = (fields: Readonly<Record<string, unknown>>) => read({ ...qwen, ...fields }).slidingWindows;
  const kinds = ['sliding_attention', 'full_attention', 'full_attention'];
  assert.deepEqual(windows({}), [undefined, undefined, undefined]);
  assert.deepEqual(windows({ use_sliding_window: true }), [undefined, undefined, 8]);
  assert.deepEqual(windows({ use_sliding_window: true, layer_types: kinds }), [8, undefined, undefined]);
});

const WRONG: readonly [name: string, fields: Readonly<Record<string, unknown>>, says: RegExp][] = [
  ['a kind of attention that is unknown', { layer_types: ['linear_attention'] }, /layer_types/],
  ['too few kinds', { model_type: 'qwen2', layer_types: ['full_attention'] }, /each of the 2 layers/],
  [
    'a Mistral of mixed layers',
    { model_type: 'mistral', layer_types: ['sliding_attention', 'full_attention'] },
    /must be sliding_attention for every layer of a mistral decoder/,
  ],
  [
    'layers that slide without a window',
    { model_type: 'qwen2', layer_types: ['full_attention', 'sliding_attention'] },
    /no sliding window is in use/,
  ],
  ['a partial rotary embedding', { rope_parameters: { partial_rotary_factor: 0.5 } }, /partial rotary/],
];

for (const [name, fields, says] of WRONG) {
  test(`refuses ${name}`, () => {
    assert.throws(() => read({ num_hidden_layers: 2, ...fields }), says);
  });
}

test('an unknown decoder is refused with the supported ones', () => {
  checkDecoderType('qwen2');
  assert.throws(() => checkDecoderType('gemma'), {
    code: 'model_family_unsupported',
    param: 'text_config.model_type',
    message: 'config.json: text_config.model_type is "gemma"; supported decoders are llama, mistral, qwen2.',
  });
});
