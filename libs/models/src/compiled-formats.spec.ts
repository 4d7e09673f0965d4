import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compiledFormats } from './compiled-formats.ts';
import { loadModel } from './load-model.ts';

const GOLDEN = fileURLToPath(
  new URL('../../../tests/golden/fixtures/idefics3-float32/checkpoint', import.meta.url),
);

test('tells the formats that a model can be served in without compiling', async () => {
  const home = await mkdtemp(join(tmpdir(), 'diptych-formats-'));
  try {
    const options = { checkpointFolder: GOLDEN, home };
    assert.deepEqual(await compiledFormats(options), []);
    await loadModel({ ...options, weights: 'int4', stages: ['language'] });
    assert.deepEqual(await compiledFormats(options), []);
    await loadModel({ ...options, weights: 'int8', stages: ['vision'] });
    assert.deepEqual(await compiledFormats(options), ['int4']);
    await loadModel({ ...options, weights: 'float32' });
    assert.deepEqual(await compiledFormats(options), ['float32', 'int4']);
  } finally {
    await rm(home, { recursive: true });
  }
});
