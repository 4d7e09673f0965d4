import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start } from '../testing/start.ts';

test('the process is alive also when no stage is', async () => {
  await using gateway = await start();
  await Promise.all([gateway.stages.stopVision(), gateway.stages.stopLanguage()]);
  const response = await fetch(`${gateway.url}/healthz`);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { status: 'alive' });
});
