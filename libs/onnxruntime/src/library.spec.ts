import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { libraryPath } from './library.ts';

for (const [platform, arch] of [
  ['linux', 'x64'],
  ['linux', 'arm64'],
  ['darwin', 'arm64'],
  ['win32', 'x64'],
  ['win32', 'arm64'],
] as const)
  test(`finds the library for ${platform} on ${arch}`, () => {
    assert.ok(existsSync(libraryPath(platform, arch)));
  });

test('says which platforms have a library', () => {
  assert.throws(() => libraryPath('aix', 'ppc64'), {
    code: 'runtime_failed',
    message: /aix.*linux, darwin, win32/,
  });
});
