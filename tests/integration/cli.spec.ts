import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { MODEL_HOME, PICO, ROOT, SAMPLES } from '@diptych/testing';

const run = promisify(execFile);
const CLI = join(ROOT, 'apps/cli/bin.js');
const env = { ...process.env, DIPTYCH_HOME: MODEL_HOME };
const ANY_PORTS = ['--listen', '--grpc-listen', '--vision-listen', '--language-listen'].flatMap((flag) => [
  flag,
  '127.0.0.1:0',
]);

suite('ask', () => {
  test('starts the services for one question and prints one JSON object', async () => {
    const { stdout } = await run(
      process.execPath,
      [
        CLI,
        'ask',
        '--json',
        '--model',
        join(ROOT, 'models/pico'),
        join(SAMPLES, 'two-cats.png'),
        'What do we see in this image?',
      ],
      { env },
    );
    const answer = JSON.parse(stdout) as { text: string; usage: object; timings: Record<string, number> };
    assert.match(answer.text, /two cats/i);
    assert.deepEqual(Object.keys(answer.timings), [
      ...['fetch', 'decode_resize', 'encode', 'queue', 'prefill', 'decode', 'ttft'],
    ]);
    assert.ok((answer.timings['ttft'] ?? 0) > 0);
  });

  test('names a file that is not there', async () => {
    const failed = run(process.execPath, [CLI, 'ask', 'no-such.png', 'What?'], { env });
    await assert.rejects(failed, (error: { stderr: string; code: number }) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr, /no-such\.png/);
      return true;
    });
  });

  test('refuses a template that cannot be read, and one for a gateway that runs already', async () => {
    const template = join(PICO, 'chat_template.jinja');
    const cases: [string[], RegExp][] = [
      [['--chat-template', 'no-such.jinja'], /--chat-template.*no-such\.jinja.*file that can be read/],
      [['--chat-template', template, '--gateway', '127.0.0.1:1'], /--chat-template.*--gateway/],
    ];
    for (const [flags, message] of cases) {
      const failed = run(process.execPath, [CLI, 'ask', ...flags, 'What?'], { env });
      await assert.rejects(failed, (error: { stderr: string; code: number }) => {
        assert.equal(error.code, 1);
        assert.match(error.stderr, message);
        return true;
      });
    }
  });

  test('names a checkpoint folder that is none', async () => {
    const failed = run(process.execPath, [CLI, 'ask', '--model', SAMPLES, 'What?'], { env });
    await assert.rejects(failed, (error: { stderr: string; code: number }) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr, /config\.json/);
      return true;
    });
  });
});

suite('serve', () => {
  test('prints the address and a curl line, and stops all services on Ctrl-C', async () => {
    const server = spawn(process.execPath, [CLI, 'serve', ...ANY_PORTS], { env });
    const exited = once(server, 'exit');
    const printed = await untilPrinted(server.stdout, /Ctrl-C/);
    const url = /REST\s+(\S+)\/v1/.exec(printed)?.[1];
    assert.ok(url);
    assert.match(printed, /curl -N .*\/v1\/chat\/completions/);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    server.kill('SIGINT');
    assert.deepEqual(await exited, [0, null]);
    await assert.rejects(fetch(`${url}/healthz`));
  });

  test('says which service died, stops the others and fails', async () => {
    const server = spawn(process.execPath, [CLI, 'serve', ...ANY_PORTS], { env });
    const exited = once(server, 'exit');
    const complaint = untilPrinted(server.stderr, /stopping the others/);
    await untilPrinted(server.stdout, /Ctrl-C/);
    const { stdout: children } = await run('ps', ['-o', 'pid=,args=', '--ppid', String(server.pid)]);
    const victim = children.split('\n').find((line) => line.includes('vision-service'));
    process.kill(Number.parseInt(victim ?? '', 10), 'SIGKILL');
    assert.match(await complaint, /vision-service was ended by SIGKILL/);
    assert.deepEqual(await exited, [1, null]);
  });
});

async function untilPrinted(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  let printed = '';
  for await (const line of createInterface({ input: stream })) {
    printed += `${line}\n`;
    if (pattern.test(printed)) return printed;
  }
  throw new Error(`ended without ${String(pattern)}: ${printed}`);
}
