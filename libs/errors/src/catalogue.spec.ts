import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CATALOGUE, GRPC_STATUS } from './catalogue.ts';

test('the table in docs/errors.md is the catalogue', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const documented = page.split('\n').filter((line) => line.startsWith('| `'));
  const expected = Object.entries(CATALOGUE).map(
    ([code, { grpc, http, summary, remedy }]) =>
      `| \`${code}\` | ${http} | ${grpc} | ${summary} | ${remedy} |`,
  );
  assert.deepEqual(documented, expected);
});

test('every HTTP status fits its gRPC status in being the caller’s fault or ours', () => {
  const ours = new Set(['INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'DEADLINE_EXCEEDED']);
  for (const [code, { grpc, http }] of Object.entries(CATALOGUE)) {
    assert.ok(grpc in GRPC_STATUS, code);
    assert.equal(http >= 500, ours.has(grpc), code);
  }
});
