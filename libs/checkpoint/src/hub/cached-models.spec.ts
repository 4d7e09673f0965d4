import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { suite, test } from 'node:test';
import { listCachedModels } from '../index.ts';
import { FILES, HubFixture, NEEDED } from '../spec/hub-fixture.ts';

suite('the models of a cache', () => {
  test('are those that are whole, with the revisions that they were', async () => {
    await using fixture = await HubFixture.create();
    fixture.hub.add('org/tiny', { files: FILES, revisions: ['main', 'refs/pr/1'] });
    const { folder, commit } = await fixture.pull();
    await fixture.pull({ reference: { id: 'org/tiny', revision: 'refs/pr/1' } });
    fixture.hub.add('org/half', { files: FILES });
    await fixture.pull({ reference: { id: 'org/half', revision: 'main' }, parts: 'small-files' });
    const bytes = NEEDED.reduce((sum, name) => sum + Buffer.from(FILES[name] ?? '').length, 0);
    const whole = { id: 'org/tiny', commit, revisions: ['main', 'refs/pr/1'], folder, bytes };
    assert.deepEqual(await listCachedModels(fixture.cache.path), [whole]);
  });

  test('are listed by commit too, where no revision leads to one any more', async () => {
    await using fixture = await HubFixture.create();
    await fixture.pull();
    fixture.hub.add('org/tiny', { files: { ...FILES, 'config.json': '{}' } });
    await fixture.pull();
    const models = await listCachedModels(fixture.cache.path);
    assert.deepEqual(models.map(({ revisions }) => revisions).sort(), [[], ['main']]);
  });

  test('are none in an empty, absent or foreign folder', async () => {
    await using fixture = await HubFixture.create();
    assert.deepEqual(await listCachedModels(fixture.cache.path), []);
    await mkdir(fixture.cache.file('datasets--org--data/snapshots'), { recursive: true });
    await mkdir(fixture.cache.file('models--org--..--x'));
    await writeFile(fixture.cache.file('models--org--file'), '');
    assert.deepEqual(await listCachedModels(fixture.cache.path), []);
    await rm(fixture.cache.path, { recursive: true });
    assert.deepEqual(await listCachedModels(fixture.cache.path), []);
  });
});
