import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { HubServer, picoFiles, ROOT, SAMPLES } from '@diptych/testing';

const CLI = join(ROOT, 'apps/cli/bin.js');

test('Ctrl-C while ask downloads a model is answered with one sentence', async (context) => {
  await using hub = await HubServer.start();
  hub.add('org/pico', { files: picoFiles() });
  const cache = await mkdtemp(join(tmpdir(), 'diptych-ask-'));
  context.after(() => rm(cache, { recursive: true }));
  const { promise: never } = Promise.withResolvers<never>();
  const { promise: begun, resolve } = Promise.withResolvers<undefined>();
  hub.fault = ({ server }) => {
    if (server !== 'cdn') return undefined;
    resolve(undefined);
    return { until: never };
  };
  const args = ['ask', '--model', 'org/pico', join(SAMPLES, 'two-cats.png'), 'What do we see?'];
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [exited, said] = [once(child, 'exit'), text(child.stderr)];
  await begun;
  child.kill('SIGINT');
  assert.deepEqual(await exited, [130, null]);
  assert.match(await said, /Stopped\. What was downloaded or compiled is kept/);
  assert.doesNotMatch(await said, /aborted|internal/);
});
