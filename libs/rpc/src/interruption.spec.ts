import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { LanguageService } from '@diptych/contract';
import { createClient } from './client.ts';

async function endlessServer(context: TestContext) {
  const script = new URL('./spec/endless-server.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const client = createClient(LanguageService, { address: line.toString().trim(), name: 'lm-service' });
  context.after(() => client.close());
  return { child, client };
}

test('a server killed mid-stream ends the stream with one stream_interrupted error', async (context) => {
  const { child, client } = await endlessServer(context);
  const stream = client.generate({});
  await stream.next();
  child.kill('SIGKILL');
  await assert.rejects(Array.fromAsync(stream), {
    code: 'stream_interrupted',
    message: /^lm-service at .* stopped in the middle/,
  });
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test('a server killed before it answered is stage_unavailable', async (context) => {
  const { child, client } = await endlessServer(context);
  await client.waitForReady({ timeoutMs: 20_000 });
  const answer = assert.rejects(client.countTokens({}), { code: 'stage_unavailable' });
  await client.getModel({});
  child.kill('SIGKILL');
  await answer;
});
