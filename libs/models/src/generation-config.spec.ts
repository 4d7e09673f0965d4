import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGenerationConfig } from './generation-config.ts';
import { jsonCheckpoint } from './spec/json-checkpoint.ts';

const read = async (config: unknown) =>
  readGenerationConfig(await jsonCheckpoint({ 'generation_config.json': config }));

test('a checkpoint without the file decodes greedily', async () => {
  const { defaults, eosTokenIds } = await readGenerationConfig(await jsonCheckpoint({}));
  assert.equal(defaults.temperature, 0);
  assert.equal(eosTokenIds, undefined);
});

test('temperature counts only where the checkpoint samples', async () => {
  assert.equal((await read({ do_sample: false, temperature: 0.7 })).defaults.temperature, 0);
  assert.equal((await read({ do_sample: true, temperature: 0.7 })).defaults.temperature, 0.7);
});

test('a sampling checkpoint takes the defaults of the reference', async () => {
  const { defaults } = await read({ do_sample: true });
  assert.deepEqual(defaults, { temperature: 1, topK: 50, topP: undefined, repetitionPenalty: 1 });
});

test('one end token or several', async () => {
  assert.deepEqual((await read({ eos_token_id: 5 })).eosTokenIds, [5]);
  assert.deepEqual((await read({ eos_token_id: [5, 6] })).eosTokenIds, [5, 6]);
});

test('refuses a value out of range, naming file and field', async () => {
  await assert.rejects(read({ do_sample: true, top_p: 2 }), {
    code: 'checkpoint_invalid',
    message: /^generation_config\.json: top_p: /,
    param: 'top_p',
  });
});
