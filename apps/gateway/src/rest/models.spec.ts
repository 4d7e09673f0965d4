import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start } from '../testing/start.ts';

test('lists the one model, whether or not the stages are there', async () => {
  await using gateway = await start({}, { model: 'Example/Model-1' });
  await Promise.all([gateway.stages.stopVision(), gateway.stages.stopLanguage()]);
  const list = (await (await fetch(`${gateway.url}/v1/models`)).json()) as {
    object: string;
    data: { created: number }[];
  };
  assert.equal(list.object, 'list');
  const [entry] = list.data;
  assert.ok(entry && Number.isInteger(entry.created));
  assert.deepEqual(list.data, [
    { id: 'Example/Model-1', object: 'model', created: entry.created, owned_by: 'diptych' },
  ]);
  for (const id of ['Example/Model-1', 'Example%2FModel-1']) {
    assert.deepEqual(await (await fetch(`${gateway.url}/v1/models/${id}`)).json(), entry);
  }
});

test('an unknown model is an error that names the one served', async () => {
  await using gateway = await start();
  const response = await fetch(`${gateway.url}/v1/models/gpt-5`);
  assert.equal(response.status, 404);
  const { error } = (await response.json()) as { error: { code: string; type: string; message: string } };
  assert.deepEqual([error.code, error.type], ['model_not_found', 'invalid_request_error']);
  assert.match(error.message, /"gpt-5".*"pico"/);
});
