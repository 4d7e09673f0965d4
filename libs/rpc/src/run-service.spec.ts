import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const FAILING = fileURLToPath(new URL('spec/failing-service.ts', import.meta.url));
const STARTING = fileURLToPath(new URL('spec/starting-service.ts', import.meta.url));

test('a service that cannot start says why in one line, whatever kind of error it was, and ends with 1', () => {
  const start = (...args: string[]) => spawnSync(process.execPath, [FAILING, ...args], { encoding: 'utf8' });
  const coded = start('checkpoint_file_missing');
  assert.deepEqual(
    [coded.status, coded.stdout, coded.stderr],
    [1, '', 'failing-service: the file is missing (checkpoint_file_missing)\n'],
  );
  assert.equal(start().stderr, 'failing-service: no memory left (internal)\n');
});

test('a service that has not started yet ends itself when it is asked to, as the first process of a container must', async () => {
  for (const [signal, status] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const child = spawn(process.execPath, [STARTING], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const exited = once(child, 'exit');
    child.kill(signal);
    assert.deepEqual(await exited, [status, null]);
  }
});
