import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findFamily } from './registry.ts';
import { jsonCheckpoint } from './spec/json-checkpoint.ts';

const find = async (config: unknown) => findFamily(await jsonCheckpoint({ 'config.json': config }));

test('an alias is served by the family that it equals', async () => {
  assert.equal(await find({ model_type: 'smolvlm' }), await find({ model_type: 'idefics3' }));
});

test('an unknown family is refused with the supported ones', async () => {
  await assert.rejects(find({ model_type: 'bert' }), {
    code: 'model_family_unsupported',
    message: /^config\.json: model_type is "bert"; supported are .*idefics3, smolvlm, llava, llava_next\.$/,
  });
});

test('a configuration without a family is refused', async () => {
  await assert.rejects(find({}), { code: 'checkpoint_invalid', message: /^config\.json: model_type: / });
  await assert.rejects(find([]), { code: 'checkpoint_invalid', message: /^config\.json: / });
});
