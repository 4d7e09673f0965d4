import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type LocateOptions, locateCheckpoint } from '../index.ts';
import { coded } from '../spec/coded.ts';
import { FILES, HubFixture, NEEDED } from '../spec/hub-fixture.ts';

suite('a model that a user names', () => {
  test('is a folder where one exists', async () => {
    await using fixture = await HubFixture.create();
    const folder = fixture.cache.file('folder');
    await mkdir(folder);
    assert.equal(await locate(fixture, folder), folder);
    assert.deepEqual(fixture.hub.requests, []);
  });

  test('is downloaded from the hub where it is a repository that the cache lacks', async () => {
    await using fixture = await HubFixture.create();
    const messages: string[] = [];
    const folder = await locate(fixture, 'org/tiny', {
      listener: { onMessage: (text) => messages.push(text) },
    });
    assert.equal(folder, snapshotOf(fixture));
    assert.match(messages[0] ?? '', /^org\/tiny is not in .* yet; downloading it from http:/);
  });

  test('is taken from the cache without asking the hub', async () => {
    await using fixture = await HubFixture.create();
    await fixture.pull();
    fixture.hub.requests.length = 0;
    assert.equal(await locate(fixture, 'org/tiny'), snapshotOf(fixture));
    assert.equal(await locate(fixture, `org/tiny@${fixture.commit}`), snapshotOf(fixture));
    assert.deepEqual(fixture.hub.requests, []);
  });

  test('is made whole where the cache holds a part of it', async () => {
    await using fixture = await HubFixture.create();
    await fixture.pull({ parts: 'small-files' });
    assert.equal(await locate(fixture, 'org/tiny', { parts: 'small-files' }), snapshotOf(fixture));
    assert.deepEqual(fixture.hub.downloads('model.safetensors'), []);
    await locate(fixture, 'org/tiny');
    assert.equal(fixture.hub.downloads('model.safetensors').length, 1);
  });

  test('is made whole where huggingface_hub left a listing that says what lacks', async () => {
    await using fixture = await HubFixture.create();
    const { folder } = await fixture.pull();
    await rm(join(folder, 'chat_template.jinja'));
    assert.equal(await locate(fixture, 'org/tiny'), folder, 'nothing says that a template belongs to it');
    const sizes = NEEDED.map((name) => [name, { size: Buffer.from(FILES[name] ?? '').length, blob_id: 'x' }]);
    await mkdir(join(folder, '../../trees'));
    const listing = { format_version: 1, files: Object.fromEntries(sizes) as object };
    await writeFile(join(folder, `../../trees/${fixture.commit}.json`), JSON.stringify(listing));
    await assert.rejects(
      locate(fixture, 'org/tiny', { settings: fixture.settings({ offline: true }) }),
      coded('hub_unavailable', 'org/tiny', 'HF_HUB_OFFLINE'),
    );
    await locate(fixture, 'org/tiny');
    assert.equal(fixture.hub.downloads('chat_template.jinja').length, 1);
  });

  test('that is neither gets both ways named', async () => {
    await using fixture = await HubFixture.create();
    for (const model of [
      'tiny',
      './org/tiny',
      '/no/such',
      '~/tiny',
      'C:\\models\\tiny',
      'a/b/c',
      'org/tiny@..',
    ])
      await assert.rejects(
        locate(fixture, model),
        coded('checkpoint_not_found', 'folder', 'org/name'),
        model,
      );
    await assert.rejects(
      locate(fixture, 'org/typo'),
      coded('checkpoint_not_found', 'There is no folder org/typo', 'no repository org/typo'),
    );
  });

  test('is refused where it is a file', async () => {
    await using fixture = await HubFixture.create();
    const file = fixture.cache.file('model.gguf');
    await writeFile(file, '');
    await assert.rejects(locate(fixture, file), coded('checkpoint_not_found', 'is a file'));
  });
});

suite('offline', () => {
  test('a model of the cache is there, and another is told', async () => {
    await using fixture = await HubFixture.create();
    await fixture.pull();
    fixture.hub.requests.length = 0;
    const settings = fixture.settings({ offline: true });
    assert.equal(await locate(fixture, 'org/tiny', { settings }), snapshotOf(fixture));
    for (const model of ['org/other', 'org/tiny@v2'])
      await assert.rejects(
        locate(fixture, model, { settings }),
        coded('hub_unavailable', model, 'HF_HUB_OFFLINE'),
      );
    await assert.rejects(fixture.pull({ settings }), coded('hub_unavailable', 'HF_HUB_OFFLINE'));
    assert.deepEqual(fixture.hub.requests, []);
  });
});

suite('who gives up', () => {
  test('leaves what came for the next time', async () => {
    await using fixture = await HubFixture.create();
    const controller = new AbortController();
    const reason = new Error('enough');
    const never = new Promise<never>(() => undefined);
    fixture.hub.fault = ({ server }) => {
      if (server !== 'cdn') return undefined;
      controller.abort(reason);
      return { until: never };
    };
    await assert.rejects(locate(fixture, 'org/tiny', { signal: controller.signal }), reason);
    fixture.hub.fault = () => undefined;
    assert.equal(await locate(fixture, 'org/tiny'), snapshotOf(fixture));
    assert.equal(fixture.hub.downloads('config.json').length, 1);
  });
});

function locate(fixture: HubFixture, model: string, changes: LocateOptions = {}): Promise<string> {
  return locateCheckpoint(model, { settings: fixture.settings(), ...changes });
}

function snapshotOf({ cache, commit }: HubFixture): string {
  return cache.file(`models--org--tiny/snapshots/${commit}`);
}
