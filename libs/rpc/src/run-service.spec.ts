import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const FAILING = fileURLToPath(new URL('spec/failing-service.ts', import.meta.url));

test('a service that cannot start says why in one line, whatever kind of error it was, and ends with 1', () => {
  const start = (...args: string[]) => spawnSync(process.execPath, [FAILING, ...args], { encoding: 'utf8' });
  const coded = start('checkpoint_file_missing');
  assert.deepEqual(
    [coded.status, coded.stdout, coded.stderr],
    [1, '', 'failing-service: the file is missing (checkpoint_file_missing)\n'],
  );
  assert.equal(start().stderr, 'failing-service: no memory left (internal)\n');
});
