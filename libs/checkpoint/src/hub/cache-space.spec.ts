import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { suite, test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import { coded } from '../spec/coded.ts';
import { cacheFailure, checkSpace } from './cache-space.ts';

suite('a disk', () => {
  test('that has no room is named before the download begins', async () => {
    await checkSpace(tmpdir(), 1);
    await assert.rejects(
      checkSpace(tmpdir(), 1e18),
      coded('configuration_invalid', tmpdir(), '1000000 TB', 'HF_HUB_CACHE'),
    );
  });

  test('that fills up, or may not be written, is named with what to do', () => {
    for (const code of ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS']) {
      const failure = cacheFailure('/cache', Object.assign(new Error(code), { code }));
      assert.ok(coded('configuration_invalid', '/cache', code, 'make room', 'HF_HUB_CACHE')(failure));
    }
  });

  test('is not blamed for anything else', () => {
    for (const error of [new Error('other'), new DiptychError('download_corrupt', 'x')])
      assert.equal(cacheFailure('/cache', error), error);
  });
});
