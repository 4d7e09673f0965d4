import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { LanguageService } from '@diptych/contract';
import { createClient } from '@diptych/rpc';
import { TINY_CHECKPOINT, temporaryHome } from './spec/service.ts';

/** Starts the service as a process of its own. */
async function start(context: TestContext, model: string, ...flags: string[]) {
  const home = await temporaryHome(context);
  const all = ['--model', model, '--home', home, '--listen', '127.0.0.1:0', '--threads', '1', ...flags];
  const child = spawn(process.execPath, [join(import.meta.dirname, '../bin.js'), ...all], {
    env: { ...process.env, DIPTYCH_LOG_LEVEL: 'silent' },
  });
  context.after(() => child.kill('SIGKILL'));
  return { child, errors: text(child.stderr), exit: once(child, 'exit') };
}

test('it says where it listens, serves, and ends with status 0 on SIGTERM', async (context) => {
  const { child, exit, errors } = await start(context, TINY_CHECKPOINT);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { service, listening } = JSON.parse(line.toString()) as { service: string; listening: string };
  assert.equal(service, 'lm-service');
  using client = createClient(LanguageService, { address: listening });
  await client.waitForReady({ timeoutMs: 20_000 });
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null]);
  assert.equal(await errors, '');
});

test('a damaged checkpoint ends it with one line that names the file', async (context) => {
  const model = join(await temporaryHome(context), 'damaged');
  await cp(TINY_CHECKPOINT, model, { recursive: true });
  await truncate(join(model, 'model.safetensors'), 5000);
  const { exit, errors } = await start(context, model);
  assert.deepEqual(await exit, [1, null]);
  assert.match(await errors, /^lm-service: [^\n]*model\.safetensors[^\n]*\(checkpoint_invalid\)\n$/);
});

test('a folder without a checkpoint ends it with one line', async (context) => {
  const { exit, errors } = await start(context, '/no/such/folder');
  assert.deepEqual(await exit, [1, null]);
  assert.match(await errors, /^lm-service: [^\n]*\/no\/such\/folder[^\n]*\(checkpoint_not_found\)\n$/);
});

test('a wrong flag ends it with one line', async (context) => {
  const { exit, errors } = await start(context, TINY_CHECKPOINT, '--thread', '2');
  assert.deepEqual(await exit, [2, null]);
  assert.match(await errors, /^lm-service: there is no flag --thread; there are --model, [^\n]*\n$/);
});
