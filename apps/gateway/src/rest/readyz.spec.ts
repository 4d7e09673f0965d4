import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RunningGateway, start } from '../testing/start.ts';

async function readiness(gateway: RunningGateway) {
  const response = await fetch(`${gateway.url}/readyz`);
  const { status, missing } = (await response.json()) as { status: string; missing: string[] };
  return { http: response.status, status, missing };
}

test('ready with both stages of one model', async () => {
  await using gateway = await start();
  assert.deepEqual(await readiness(gateway), { http: 200, status: 'ready', missing: [] });
});

test('names the stages that are missing', async () => {
  await using gateway = await start();
  await gateway.stages.stopVision();
  const one = await readiness(gateway);
  assert.deepEqual(one, { http: 503, status: 'not_ready', missing: ['vision-service does not answer'] });
  await gateway.stages.stopLanguage();
  assert.deepEqual((await readiness(gateway)).missing, [
    'vision-service does not answer',
    'lm-service does not answer',
  ]);
});

test('stages of different models are not ready together', async () => {
  await using gateway = await start({ visionFingerprint: 'other' });
  const { http, missing } = await readiness(gateway);
  assert.equal(http, 503);
  assert.match(missing.join(), /different models.*same checkpoint/);
});
