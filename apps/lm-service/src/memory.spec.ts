import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLogger } from '@diptych/telemetry';
import { service, TINY_CHECKPOINT, temporaryHome } from './spec/service.ts';

const BIN = join(import.meta.dirname, '../bin.js');

/** The tiny checkpoint with a context so long that its cache fits into no machine. */
async function endlessCheckpoint(context: TestContext): Promise<string> {
  const folder = join(await temporaryHome(context), 'checkpoint');
  await cp(TINY_CHECKPOINT, folder, { recursive: true });
  const file = join(folder, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as { text_config: object };
  const text = { ...config.text_config, max_position_embeddings: 1_000_000 };
  await writeFile(file, JSON.stringify({ ...config, text_config: text }));
  return folder;
}

test('a process whose cache does not fit says so with the sum, and ends', async (context) => {
  const flags = ['--listen', '127.0.0.1:0', '--slots', '1024', '--context', '1000000', '--threads', '1'];
  const model = await endlessCheckpoint(context);
  const all = [BIN, '--model', model, '--home', await temporaryHome(context), ...flags];
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stderr: string }>();
  execFile(process.execPath, all, (error, _, stderr) => resolve({ code: error?.code, stderr }));
  const { code, stderr } = await promise;
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^lm-service: The model does not fit: weights \d+ MiB \+ cache \d+ MiB \(1024 slots x 1000000 tokens x \d+ bytes\) \+ runtime \d+ MiB = \d+ MiB, but this process may take \d+ MiB\..*--slots.*\(insufficient_memory\)$/m,
  );
});

test('the log shows the sum, and sizes that nobody set are chosen', async (context) => {
  const lines: string[] = [];
  const logger = createLogger({
    name: 'spec',
    level: 'info',
    stream: { write: (line) => void lines.push(line) },
  });
  const { client } = await service(context, { slots: undefined, context: undefined, logger });
  const { limits } = (await client.getModel({})).model ?? {};
  const { maxSequences = 0, maxContextTokens } = limits ?? {};
  const sizes = `\\(${maxSequences} slots x ${maxContextTokens} tokens x \\d+ bytes\\)`;
  assert.match(lines.join(''), new RegExp(`weights \\d+ MiB .* cache \\d+ MiB ${sizes}`));
  assert.ok(maxSequences >= 1 && maxSequences <= 16);
});
