import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, choice, flag, folder, integer, model } from './kinds.ts';
import { readValues } from './read-values.ts';

const SETTINGS = {
  model: model('What to serve.'),
  home: folder('Where to keep things.'),
  threads: integer('Threads.', { min: 1, max: 8, fallback: 2 }),
  context: integer('Tokens.', { min: 2, max: 100 }),
  cacheBytes: bytes('Cache.', { fallback: 1024 }),
  weights: choice('Format.', { words: ['float32', 'int8'], fallback: 'float32' }),
  proxy: flag('Whether to go through a proxy.'),
} as const;

test('values are taken as they are, and what is absent has the default of the flag', () => {
  assert.deepEqual(readValues(SETTINGS, { model: 'pico', threads: 4, proxy: true, context: undefined }), {
    model: 'pico',
    home: undefined,
    threads: 4,
    context: undefined,
    cacheBytes: 1024,
    weights: 'float32',
    proxy: true,
  });
});

for (const [values, message] of [
  [{ model: 'pico', threads: 9 }, 'threads must be a whole number from 1 to 8, got 9'],
  [{ model: 'pico', threads: 1.5 }, 'threads must be a whole number from 1 to 8, got 1.5'],
  [{ model: 'pico', threads: [2] }, 'threads must be a whole number from 1 to 8, got an object'],
  [{ model: 'pico', weights: 'int3' }, 'weights must be one of float32, int8, got "int3"'],
  [{ model: 'pico', proxy: 'maybe' }, 'proxy must be true or false, got "maybe"'],
  [
    { model: 'pico', thread: 2 },
    'there is no option thread; there are model, home, threads, context, cacheBytes, weights, proxy',
  ],
] as const) {
  test(`${JSON.stringify(values)} is refused in words`, () => {
    const [param] = message.match(/thread\b|\w+/) ?? [];
    assert.throws(() => readValues(SETTINGS, values), {
      code: 'configuration_invalid',
      message,
      param: message.startsWith('there is no') ? 'thread' : param,
    });
  });
}

test('a model that is not named is asked for', () => {
  assert.throws(() => readValues(SETTINGS, {}), { code: 'configuration_invalid', param: 'model' });
});
