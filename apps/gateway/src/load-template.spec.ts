import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '@diptych/checkpoint';
import { loadTemplate } from './load-template.ts';
import { SMALL_FILES } from './testing/small-checkpoint.ts';

async function load(files: Readonly<Record<string, unknown>>) {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  try {
    for (const [name, content] of Object.entries(files))
      await writeFile(join(folder, name), JSON.stringify(content));
    return await loadTemplate(await openCheckpoint(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('renders with the checkpoint’s template and finds the places of images', async () => {
  const template = await load(SMALL_FILES);
  const segments = template.render([
    { role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'A <image>?' }] },
  ]);
  assert.deepEqual(segments, [
    { kind: 'template', text: 'user: ' },
    { kind: 'image', index: 0 },
    { kind: 'user', text: 'A <image>?' },
    { kind: 'template', text: '|' },
  ]);
});

test('a checkpoint without weights is enough; one without a template is refused, and so is another family', async () => {
  await assert.rejects(load({ ...SMALL_FILES, 'tokenizer_config.json': {} }), {
    code: 'checkpoint_file_missing',
  });
  await assert.rejects(load({ ...SMALL_FILES, 'config.json': {} }), { code: 'checkpoint_invalid' });
  await assert.rejects(load({ ...SMALL_FILES, 'config.json': { model_type: 'llava' } }), {
    code: 'model_family_unsupported',
    message: /"llava"; supported are idefics3/,
  });
  await assert.rejects(load({ 'tokenizer.json': {} }), { code: 'checkpoint_file_missing' });
});
