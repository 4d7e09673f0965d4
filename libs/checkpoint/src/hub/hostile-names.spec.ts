import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseReference } from '../index.ts';
import { coded } from '../spec/coded.ts';
import { FILES, HubFixture, NEEDED } from '../spec/hub-fixture.ts';
import { RepositoryCache } from './cache-layout.ts';
import { chooseFiles, shardsOf } from './needed-files.ts';

const HOSTILE = [
  '../../evil.json',
  '/tmp/evil.json',
  '..\\..\\evil.json',
  'C:\\evil.json',
  'folder/evil.json',
  '..json/../../evil.json',
  '.hidden.json',
  'chat_template.\u0000.json',
  'chat_template./../../evil',
  'tokenizer.json\n',
];

suite('names that a hub lists', () => {
  test('are taken only where they are plain', async () => {
    await using fixture = await HubFixture.create();
    fixture.hub.add('org/tiny', {
      files: { ...FILES, ...Object.fromEntries(HOSTILE.map((name) => [name, 'evil'])) },
    });
    const { folder } = await fixture.pull();
    assert.deepEqual((await readdir(folder)).sort(), NEEDED);
    assert.deepEqual((await readdir(fixture.cache.path)).sort(), [
      '.locks',
      'CACHEDIR.TAG',
      'models--org--tiny',
    ]);
  });

  test('never lead out of a folder, whatever they are', () => {
    const name = fc.oneof(
      fc.string(),
      fc.constantFrom(...HOSTILE),
      fc.stringMatching(/^[./\\a-z]{1,12}\.json$/),
    );
    fc.assert(
      fc.property(fc.array(name), (names) => {
        const { small } = chooseFiles('org/tiny', [
          ...names,
          'config.json',
          'tokenizer.json',
          'model.safetensors',
        ]);
        for (const chosen of small) assert.match(chosen, /^\w[\w.-]*$/);
      }),
    );
  });

  test('of shards are held to the same', () => {
    for (const name of [
      '../model.safetensors',
      '/model.safetensors',
      'a\\b.safetensors',
      '.safetensors',
      'x.bin',
    ])
      assert.throws(() => shardsOf({ weight_map: { w: name } }), coded('checkpoint_invalid', 'weight_map'));
  });
});

suite('what a user names', () => {
  test('never leads out of the cache, whatever it is', () => {
    const part = fc.stringMatching(/^[@./\\~a-z0-9_-]{0,8}$/);
    const text = fc.oneof(
      fc.string(),
      fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/')),
    );
    fc.assert(
      fc.property(text, (written) => {
        const reference = parseReference(written);
        if (!reference) return;
        const cache = new RepositoryCache('/cache', reference.id);
        assert.equal(relative('/cache', cache.folder).split('/').length, 1);
        assert.match(cache.folder, /^\/cache\/models--/);
        assert.ok(!relative(join(cache.folder, 'refs'), cache.ref(reference.revision)).startsWith('..'));
      }),
    );
  });
});
