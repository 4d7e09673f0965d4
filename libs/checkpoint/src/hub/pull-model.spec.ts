import assert from 'node:assert/strict';
import { lstat, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openCheckpoint } from '../index.ts';
import { coded } from '../spec/coded.ts';
import { FILES, filesWith, HubFixture, NEEDED, WEIGHTS } from '../spec/hub-fixture.ts';

suite('a pull', () => {
  test('brings the files that are needed, and no others', async () => {
    await using fixture = await HubFixture.create();
    const { folder, id, commit } = await fixture.pull();
    assert.deepEqual({ id, commit }, { id: 'org/tiny', commit: fixture.commit });
    assert.deepEqual((await readdir(folder)).sort(), NEEDED);
    for (const name of NEEDED)
      assert.deepEqual(await readFile(join(folder, name)), Buffer.from(FILES[name] ?? ''));
  });

  test('lays them out as huggingface_hub does', async () => {
    await using fixture = await HubFixture.create();
    const { folder } = await fixture.pull();
    const repository = fixture.cache.file('models--org--tiny');
    assert.equal(folder, join(repository, 'snapshots', fixture.commit));
    assert.equal(await readFile(join(repository, 'refs/main'), 'utf8'), fixture.commit);
    const link = await readlink(join(folder, 'model.safetensors'));
    assert.match(link, /^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/, 'an LFS file is named by its SHA-256');
    assert.match(await readlink(join(folder, 'config.json')), /^\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/);
    assert.deepEqual((await readdir(repository)).sort(), ['blobs', 'refs', 'snapshots']);
    assert.equal(
      (await readdir(join(repository, 'blobs'))).length,
      4,
      'files of the same content are one blob',
    );
  });

  test('makes a checkpoint that knows its repository and commit', async () => {
    await using fixture = await HubFixture.create();
    const checkpoint = await openCheckpoint((await fixture.pull()).folder);
    assert.equal(checkpoint.id, 'org/tiny');
    assert.equal(checkpoint.revision, fixture.commit);
  });

  test('asks for nothing twice', async () => {
    await using fixture = await HubFixture.create();
    await fixture.pull();
    fixture.hub.requests.length = 0;
    await fixture.pull();
    assert.deepEqual(
      fixture.hub.requests.map(({ path }) => path),
      ['/api/models/org/tiny/revision/main'],
    );
  });

  test('brings what a branch has become, and shares what stayed the same', async () => {
    await using fixture = await HubFixture.create();
    const old = await fixture.pull();
    const commit = fixture.hub.add('org/tiny', {
      files: { ...FILES, 'config.json': '{"model_type":"smolvlm"}' },
    });
    const { folder } = await fixture.pull();
    assert.equal(await readFile(join(folder, 'config.json'), 'utf8'), '{"model_type":"smolvlm"}');
    assert.equal(await readFile(fixture.cache.file('models--org--tiny/refs/main'), 'utf8'), commit);
    assert.equal(fixture.hub.downloads('model.safetensors').length, 1);
    assert.equal(
      await readFile(join(old.folder, 'config.json'), 'utf8'),
      FILES['config.json'],
      'the old one stays',
    );
  });

  test('takes a tag, and a commit, which needs no ref', async () => {
    await using fixture = await HubFixture.create();
    const tagged = fixture.hub.add('org/tiny', {
      files: { ...FILES, 'config.json': '{}' },
      revisions: ['refs/pr/1'],
    });
    const { folder } = await fixture.pull({ reference: { id: 'org/tiny', revision: 'refs/pr/1' } });
    assert.equal(await readFile(join(folder, 'config.json'), 'utf8'), '{}');
    assert.equal(await readFile(fixture.cache.file('models--org--tiny/refs/refs/pr/1'), 'utf8'), tagged);
    const byCommit = await fixture.pull({ reference: { id: 'org/tiny', revision: fixture.commit } });
    assert.equal(byCommit.commit, fixture.commit);
    assert.deepEqual(await readdir(fixture.cache.file('models--org--tiny/refs')), ['refs']);
  });

  test('brings the shards that the index names, and no others', async () => {
    await using fixture = await HubFixture.create();
    const map = { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' };
    fixture.hub.add('org/tiny', {
      files: filesWith({
        'model.safetensors.index.json': JSON.stringify({ weight_map: map }),
        [map.a]: WEIGHTS,
        [map.b]: WEIGHTS.subarray(8),
        'consolidated.safetensors': WEIGHTS,
      }),
    });
    const names = await readdir((await fixture.pull()).folder);
    assert.deepEqual(names.filter((name) => name.includes('safetensors')).sort(), [
      map.a,
      map.b,
      'model.safetensors.index.json',
    ]);
  });

  test('leaves out the weights where only small files are wanted', async () => {
    await using fixture = await HubFixture.create();
    const { folder } = await fixture.pull({ parts: 'small-files' });
    assert.deepEqual(
      (await readdir(folder)).sort(),
      NEEDED.filter((name) => name !== 'model.safetensors'),
    );
  });

  test('asks whether a checkpoint is welcome before its weights come', async () => {
    await using fixture = await HubFixture.create();
    const accept = async (folder: string) => {
      assert.equal(await readFile(join(folder, 'config.json'), 'utf8'), FILES['config.json']);
      throw new Error('not this one');
    };
    await assert.rejects(fixture.pull({ accept }), /not this one/);
    assert.deepEqual(fixture.hub.downloads('model.safetensors'), []);
  });

  test('tells how far it is', async () => {
    await using fixture = await HubFixture.create();
    const seen: number[] = [];
    await fixture.pull({
      listener: { onProgress: ({ doneBytes, totalBytes }) => seen.push(doneBytes, totalBytes) },
    });
    const total = NEEDED.reduce((sum, name) => sum + Buffer.from(FILES[name] ?? '').length, 0);
    const twice = Buffer.from(FILES['tokenizer.json'] ?? '').length;
    assert.deepEqual(seen.slice(-2), [total - twice, total - twice], 'the same content counts once');
  });
});

suite('a cache without symbolic links', () => {
  test('holds the files themselves, and nothing twice', async () => {
    await using fixture = await HubFixture.create();
    const settings = fixture.settings({ symlinks: false });
    const { folder } = await fixture.pull({ settings });
    for (const name of NEEDED) assert.ok((await lstat(join(folder, name))).isFile());
    assert.deepEqual(await readFile(join(folder, 'model.safetensors')), Buffer.from(WEIGHTS));
    const blobs = await readdir(fixture.cache.file('models--org--tiny/blobs'));
    assert.equal(blobs.length, 1, 'only a content that two files share stays as a blob');
    await fixture.pull({ settings });
    assert.equal(fixture.hub.downloads('model.safetensors').length, 1);
  });
});

suite('a cache that cannot be written', () => {
  test('is named where a file is in the place of the folder', async () => {
    await using fixture = await HubFixture.create();
    const cacheFolder = fixture.cache.file('file');
    await writeFile(cacheFolder, '');
    const settings = fixture.settings({ cacheFolder });
    await assert.rejects(
      fixture.pull({ settings }),
      coded('configuration_invalid', cacheFolder, 'HF_HUB_CACHE'),
    );
  });

  test('is left alone where its model is up to date', async () => {
    await using fixture = await HubFixture.create();
    const { folder } = await fixture.pull();
    const before = (await stat(folder)).mtimeMs;
    await fixture.pull();
    assert.equal((await stat(folder)).mtimeMs, before);
  });
});
