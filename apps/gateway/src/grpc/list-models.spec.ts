import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatService } from '@diptych/contract';
import { createClient } from '@diptych/rpc';
import { FINGERPRINT } from '../testing/fake-stages.ts';
import { start } from '../testing/start.ts';

test('lists the model by its public id with the limits of both stages', async () => {
  await using gateway = await start();
  using client = createClient(ChatService, { address: gateway.grpc });
  const { models } = await client.listModels({});
  assert.equal(models.length, 1);
  assert.deepEqual([models[0]?.id, models[0]?.fingerprint], ['pico', FINGERPRINT]);
  const { maxContextTokens, maxImageBytes, maxImagePixels } = models[0]?.limits ?? {};
  assert.deepEqual([maxContextTokens, maxImageBytes, maxImagePixels], [64, 1000n, 9n]);
});

test('without the vision-service, no image limits; without the lm-service, an error that names it', async () => {
  await using gateway = await start();
  using client = createClient(ChatService, { address: gateway.grpc });
  await gateway.stages.stopVision();
  assert.equal((await client.listModels({})).models[0]?.limits?.maxImageBytes, 0n);
  await using other = await start();
  await other.stages.stopLanguage();
  using lonely = createClient(ChatService, { address: other.grpc });
  await assert.rejects(lonely.listModels({}), { code: 'stage_unavailable', message: /lm-service/ });
});
