import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '@diptych/checkpoint';
import { loadTemplate } from './load-template.ts';

const TEMPLATE =
  "{% for m in messages %}{{ m.role }}: {% for c in m.content %}{% if c.type == 'image' %}<picture>{% else %}{{ c.text }}{% endif %}{% endfor %}|{% endfor %}";

const FILES = {
  'config.json': { image_token_id: 9 },
  'tokenizer.json': { added_tokens: [{ id: 9, content: '<picture>' }] },
  'tokenizer_config.json': { chat_template: TEMPLATE },
};

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
  const template = await load(FILES);
  const segments = template.render([
    { role: 'user', content: [{ type: 'image' }, { type: 'text', text: 'A <picture>?' }] },
  ]);
  assert.deepEqual(segments, [
    { kind: 'template', text: 'user: ' },
    { kind: 'image', index: 0 },
    { kind: 'user', text: 'A <picture>?' },
    { kind: 'template', text: '|' },
  ]);
});

test('a checkpoint without weights is enough; one without a template or an image token is refused', async () => {
  await assert.rejects(load({ ...FILES, 'tokenizer_config.json': {} }), { code: 'checkpoint_file_missing' });
  await assert.rejects(load({ ...FILES, 'tokenizer.json': { added_tokens: [] } }), {
    code: 'checkpoint_invalid',
    message: /no added token 9/,
  });
  await assert.rejects(load({ ...FILES, 'config.json': {} }), {
    code: 'checkpoint_invalid',
    message: /image_token_id/,
  });
  await assert.rejects(load({ 'tokenizer.json': {} }), { code: 'checkpoint_file_missing' });
});
