import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { suite, type TestContext, test } from 'node:test';
import { LanguageService, VisionService } from '@diptych/contract';
import { createClient } from '@diptych/rpc';
import { ROOT } from '@diptych/testing';

const TINY_CHECKPOINT = join(ROOT, 'tests/golden/fixtures/idefics3-float32/checkpoint');

const STAGES = [
  { name: 'vision-service', connect: (address: string) => createClient(VisionService, { address }) },
  { name: 'lm-service', connect: (address: string) => createClient(LanguageService, { address }) },
] as const;

for (const { name, connect } of STAGES) {
  suite(`${name} as a process of its own`, () => {
    const start = (context: TestContext, model: string, ...flags: string[]) =>
      startStage(context, name, ['--model', model, ...flags]);

    test('it says where it listens, serves, and ends with status 0 on SIGTERM', async (context) => {
      const { child, exit, errors } = await start(context, TINY_CHECKPOINT);
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const { service, listening } = JSON.parse(line.toString()) as { service: string; listening: string };
      assert.equal(service, name);
      using client = connect(listening);
      await client.waitForReady({ timeoutMs: 20_000 });
      child.kill('SIGTERM');
      assert.deepEqual(await exit, [0, null]);
      assert.equal(await errors, '');
    });

    test('a damaged checkpoint ends it with one line that names the file', async (context) => {
      const model = join(await temporaryFolder(context), 'damaged');
      await cp(TINY_CHECKPOINT, model, { recursive: true });
      await truncate(join(model, 'model.safetensors'), 5000);
      const { exit, errors } = await start(context, model);
      assert.deepEqual(await exit, [1, null]);
      const line = new RegExp(`^${name}: [^\\n]*model\\.safetensors[^\\n]*\\(checkpoint_invalid\\)\\n$`);
      assert.match(await errors, line);
    });

    test('a folder without a checkpoint ends it with one line', async (context) => {
      const { exit, errors } = await start(context, '/no/such/folder');
      assert.deepEqual(await exit, [1, null]);
      const line = new RegExp(`^${name}: [^\\n]*\\/no\\/such\\/folder[^\\n]*\\(checkpoint_not_found\\)\\n$`);
      assert.match(await errors, line);
    });

    test('a wrong flag ends it with one line', async (context) => {
      const { exit, errors } = await start(context, TINY_CHECKPOINT, '--thread', '2');
      assert.deepEqual(await exit, [2, null]);
      const line = new RegExp(`^${name}: there is no flag --thread; there are --model, [^\\n]*\\n$`);
      assert.match(await errors, line);
    });
  });
}

async function startStage(context: TestContext, name: string, flags: readonly string[]) {
  const home = await temporaryFolder(context);
  const all = [...flags, '--home', home, '--listen', '127.0.0.1:0', '--threads', '1'];
  const child = spawn(process.execPath, [join(ROOT, 'apps', name, 'bin.js'), ...all], {
    env: { ...process.env, DIPTYCH_LOG_LEVEL: 'silent' },
  });
  context.after(() => child.kill('SIGKILL'));
  return { child, errors: text(child.stderr), exit: once(child, 'exit') };
}

async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-stage-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
