import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '@diptych/checkpoint';
import { loadTemplate } from './load-template.ts';
import { SMALL_FILES } from './testing/small-checkpoint.ts';

const BASE_FILES = { ...SMALL_FILES, 'tokenizer_config.json': { bos_token: '<s>' } };
const NAMED = '{{ bos_token }}named: {% for m in messages %}{{ m.content[0].text }}{% endfor %}';

/** Loads the template of a checkpoint of these files; `given` is the content of a file that replaces it. */
async function load(files: Readonly<Record<string, unknown>>, given?: string | Uint8Array) {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  const chatTemplate = given === undefined ? undefined : join(folder, 'given.jinja');
  try {
    if (chatTemplate !== undefined) await writeFile(chatTemplate, given ?? '');
    for (const [name, content] of Object.entries(files))
      await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
    return await loadTemplate(await openCheckpoint(folder), { imageToken: '<image>', chatTemplate });
  } finally {
    await rm(folder, { recursive: true });
  }
}

const say = (text: string) => [{ role: 'user', content: [{ type: 'text', text }] }] as const;

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

test('a checkpoint without a template loads, and a conversation is told both ways on', async () => {
  const template = await load(BASE_FILES);
  assert.throws(() => template.render(say('Hello')), {
    code: 'chat_template_missing',
    param: 'messages',
    message: /POST \/v1\/completions.*--chat-template FILE/,
  });
});

test('a file replaces the template, or takes the place of one, with the tokens of the checkpoint', async () => {
  const ownIsBroken = { ...BASE_FILES, 'chat_template.jinja': '{% for %}' };
  for (const files of [BASE_FILES, ownIsBroken]) {
    const template = await load(files, NAMED);
    assert.deepEqual(template.render(say('Hello')), [
      { kind: 'template', text: '<s>named: ' },
      { kind: 'user', text: 'Hello' },
    ]);
  }
});

test('a broken template is refused at once, by file and problem', async () => {
  await assert.rejects(load({ ...BASE_FILES, 'chat_template.jinja': '{% for %}' }), {
    code: 'checkpoint_invalid',
    message: /^chat_template\.jinja: the chat template is not valid Jinja: /,
  });
  await assert.rejects(load({ ...BASE_FILES, 'chat_template.json': { chat_template: 5 } }), {
    code: 'checkpoint_invalid',
    message: /^chat_template\.json: /,
  });
  await assert.rejects(load(SMALL_FILES, '{{ messages'), {
    code: 'configuration_invalid',
    message: /^--chat-template: .*given\.jinja: the chat template is not valid Jinja: /,
  });
  await assert.rejects(load(SMALL_FILES, Uint8Array.of(0xff)), {
    code: 'configuration_invalid',
    message: /^--chat-template: cannot read .*given\.jinja/,
  });
});

test('a file that is not there is refused by its name', async () => {
  const checkpoint = await openCheckpoint(new URL('../../../models/pico', import.meta.url).pathname);
  const options = { imageToken: '<image>', chatTemplate: '/nowhere/mine.jinja' };
  await assert.rejects(loadTemplate(checkpoint, options), {
    code: 'configuration_invalid',
    message: /^--chat-template: cannot read \/nowhere\/mine\.jinja \(ENOENT/,
  });
});
