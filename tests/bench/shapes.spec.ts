import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { findShape, SHAPES, truncateLayers } from './shapes.ts';
import { countParameters, tensorList } from './tensor-list.ts';

suite('a published shape', () => {
  /** As transformers counts them for a model of the same configuration, embeddings and head included. */
  const parameters = {
    'idefics2-8b': 8_402_768_112,
    'smolvlm-2b': 2_246_272_880,
    'smolvlm-256m': 256_484_928,
  };
  for (const [name, count] of Object.entries(parameters)) {
    test(`${name} has ${count} parameters`, () => {
      assert.equal(countParameters(tensorList(findShape(name))), count);
    });
  }

  for (const shape of SHAPES) {
    test(`${shape.name} names no tensor and no token twice`, () => {
      const names = tensorList(shape).map(({ name }) => name);
      assert.equal(new Set(names).size, names.length);
      const ids = shape.specialTokens.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
      assert.ok(ids.every((id) => id < shape.decoder.vocabulary));
    });
  }
});

test('truncating keeps the first layers, in the tensors and in the configuration', () => {
  const short = truncateLayers(findShape('idefics2-8b'), 2);
  assert.equal(short.name, 'idefics2-8b-2-layers');
  const names = new Set(tensorList(short).map(({ name }) => name));
  assert.ok(names.has('model.text_model.layers.1.mlp.up_proj.weight'));
  assert.ok(!names.has('model.text_model.layers.2.mlp.up_proj.weight'));
  assert.ok(!names.has('model.vision_model.encoder.layers.2.mlp.fc1.weight'));
  const { text_config, vision_config } = short.files['config.json'] as Record<string, object>;
  assert.partialDeepStrictEqual(text_config, { num_hidden_layers: 2, sliding_window: 4096 });
  assert.partialDeepStrictEqual(vision_config, { num_hidden_layers: 2, hidden_size: 1152 });
});

test('an unknown shape is refused with the list of those that there are', () => {
  assert.throws(() => findShape('gpt-2'), /gpt-2.*idefics2-8b.*smolvlm-256m/);
});
