import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SMALL_FILES } from './testing/small-checkpoint.ts';

const BIN = fileURLToPath(new URL('../bin.js', import.meta.url));

async function checkpoint(files: Readonly<Record<string, unknown>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  for (const [name, content] of Object.entries({ ...SMALL_FILES, ...files }))
    await writeFile(join(folder, name), JSON.stringify(content));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** Starts the program on free ports. */
function run(...flags: string[]) {
  const args = [BIN, '--listen', '127.0.0.1:0', '--grpc-listen', '127.0.0.1:0', ...flags];
  return spawn(process.execPath, args, {
    env: { ...process.env, DIPTYCH_LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test('prints where it listens though no stage is there, and ends with 0 on SIGTERM', async () => {
  await using model = await checkpoint();
  const child = run('--model', model.folder, '--model-id', 'mine');
  const exit = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { service, listening, grpc } = JSON.parse(line.toString()) as Record<string, string>;
  assert.equal(service, 'gateway');
  assert.match(grpc ?? '', /^127\.0\.0\.1:[1-9]\d*$/);
  const models = await fetch(`${listening}/v1/models/mine`);
  assert.equal(models.status, 200);
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null]);
  assert.equal(await text(child.stderr), '');
});

test('a setting that is not accepted is named with what is, and ends with 2', async () => {
  const child = run('--model', '/nowhere', '--log-level', 'loud');
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  assert.match(stderr, /^gateway: --log-level must be one of trace, .*silent, got "loud"\n$/);
  assert.equal(child.exitCode, 2);
});

test('says in one line why it cannot start, and ends with 1', async () => {
  await using model = await checkpoint();
  await using donut = await checkpoint({ 'config.json': { model_type: 'donut' } });
  await using broken = await checkpoint({ 'chat_template.json': { chat_template: '{% for %}' } });
  const taken = createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  const { port } = taken.address() as AddressInfo;
  const cases: [string[], RegExp][] = [
    [['--model', '/nowhere'], /^gateway: \/nowhere is not a folder .*\(checkpoint_not_found\)\n$/],
    [['--model', donut.folder], /^gateway: .*"donut"; supported are .*\(model_family_unsupported\)\n$/],
    [['--model', broken.folder], /^gateway: chat_template\.json: .*Jinja.*\(checkpoint_invalid\)\n$/],
    [
      ['--model', model.folder, '--chat-template', '/nowhere/mine.jinja'],
      /^gateway: --chat-template: cannot read \/nowhere\/mine\.jinja .*\(configuration_invalid\)\n$/,
    ],
    [
      ['--model', model.folder, '--listen', `127.0.0.1:${port}`],
      /^gateway: Cannot listen on 127\.0\.0\.1:\d+: .*\(configuration_invalid\)\n$/,
    ],
  ];
  for (const [flags, message] of cases) {
    const child = run(...flags);
    const [stderr] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.match(stderr, message);
    assert.equal(child.exitCode, 1);
  }
  taken.close();
});
