import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { defaultHome } from './index.ts';

test('DIPTYCH_HOME wins over the cache folder of the system', () => {
  assert.equal(defaultHome({ DIPTYCH_HOME: '/data', XDG_CACHE_HOME: '/cache' }, 'linux'), '/data');
  assert.equal(defaultHome({ DIPTYCH_HOME: 'data' }, 'darwin'), resolve('data'));
});

test('without it the home is in the cache folder of the user', () => {
  assert.equal(defaultHome({ XDG_CACHE_HOME: '/cache' }, 'linux'), '/cache/diptych');
  assert.equal(
    defaultHome({ XDG_CACHE_HOME: 'relative', DIPTYCH_HOME: '' }, 'linux'),
    join(homedir(), '.cache', 'diptych'),
  );
  assert.equal(defaultHome({}, 'darwin'), join(homedir(), 'Library', 'Caches', 'diptych'));
  assert.equal(defaultHome({ LOCALAPPDATA: '/local' }, 'win32'), '/local/diptych');
  assert.equal(defaultHome({}, 'win32'), join(homedir(), 'AppData', 'Local', 'diptych'));
});
