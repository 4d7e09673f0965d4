import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { coded } from '../spec/coded.ts';
import { FILES, filesWith, HubFixture } from '../spec/hub-fixture.ts';
import { HubServer } from '../spec/hub-server.ts';

const TOKEN = 'hf_secretsecret';

suite('a token', () => {
  test('opens a gated repository, and is sent to the hub alone', async () => {
    await using fixture = await HubFixture.create();
    fixture.hub.add('org/tiny', { files: FILES, gatedFor: TOKEN });
    await fixture.pull({ settings: fixture.settings({ token: TOKEN }) });
    const { requests } = fixture.hub;
    for (const { server, authorization } of requests)
      assert.equal(authorization, server === 'hub' ? `Bearer ${TOKEN}` : undefined);
    assert.ok(requests.some(({ server }) => server === 'cdn'));
  });

  test('does not follow a redirect of the hub to another one', async () => {
    await using fixture = await HubFixture.create();
    await using mirror = await HubServer.start();
    mirror.fault = ({ path }) => ({ status: 307, headers: { location: fixture.hub.endpoint + path } });
    await fixture.pull({ settings: fixture.settings({ endpoint: mirror.endpoint, token: TOKEN }) });
    assert.ok(mirror.requests.every(({ authorization }) => authorization === `Bearer ${TOKEN}`));
    assert.ok(fixture.hub.requests.every(({ authorization }) => authorization === undefined));
  });

  test('is in no message', async () => {
    await using fixture = await HubFixture.create();
    fixture.hub.add('org/tiny', { files: FILES, gatedFor: 'another' });
    const failed = fixture.pull({ settings: fixture.settings({ token: TOKEN }) });
    await assert.rejects(failed, (error: Error) => !inspectWhole(error).includes(TOKEN));
  });
});

suite('a repository that this account may not have', () => {
  test('is gated: the message says where to accept its licence and what to set', async () => {
    await using fixture = await HubFixture.create();
    fixture.hub.add('org/tiny', { files: FILES, gatedFor: TOKEN });
    const page = `${fixture.hub.endpoint}/org/tiny`;
    await assert.rejects(fixture.pull(), coded('hub_access_denied', 'licence', page, 'HF_TOKEN'));
    const settings = fixture.settings({ token: 'other' });
    await assert.rejects(fixture.pull({ settings }), coded('hub_access_denied', 'licence', page, 'HF_TOKEN'));
  });

  test('may be unknown because the token is', async () => {
    await using fixture = await HubFixture.create();
    const headers = { 'x-error-message': 'Invalid credentials in Authorization header' };
    fixture.hub.fault = () => ({ status: 401, headers });
    await assert.rejects(fixture.pull(), coded('hub_access_denied', 'token', 'HF_TOKEN'));
  });
});

suite('what a hub does not have', () => {
  test('is a repository', async () => {
    await using fixture = await HubFixture.create();
    const reference = { id: 'org/other', revision: 'main' };
    await assert.rejects(fixture.pull({ reference }), coded('checkpoint_not_found', 'org/other', 'HF_TOKEN'));
  });

  test('is a revision', async () => {
    await using fixture = await HubFixture.create();
    const reference = { id: 'org/tiny', revision: 'v9' };
    await assert.rejects(fixture.pull({ reference }), coded('checkpoint_not_found', 'org/tiny', 'v9'));
  });

  test('is a shard that the index names', async () => {
    await using fixture = await HubFixture.create();
    const index = JSON.stringify({ weight_map: { w: 'model-00001-of-00001.safetensors' } });
    fixture.hub.add('org/tiny', { files: filesWith({ 'model.safetensors.index.json': index }) });
    await assert.rejects(
      fixture.pull(),
      coded('checkpoint_file_missing', 'model-00001-of-00001.safetensors'),
    );
  });
});

suite('a server that is no hub', () => {
  for (const [problem, fault] of [
    ['says nothing of a model', { status: 200 }],
    ['refuses the address', { status: 410 }],
    ['redirects in a loop', { status: 302, headers: { location: '/again' } }],
    ['redirects nowhere', { status: 302, headers: { location: 'ftp://elsewhere/' } }],
  ] as const)
    test(problem, async () => {
      await using fixture = await HubFixture.create();
      fixture.hub.fault = () => fault;
      await assert.rejects(fixture.pull(), coded('hub_unavailable', '127.0.0.1'));
    });

  test('tells no hash of a file, or one that is none', async () => {
    await using fixture = await HubFixture.create();
    for (const etag of [undefined, '"../../../evil"', '"abc"']) {
      fixture.hub.fault = ({ method }) =>
        method === 'HEAD'
          ? { status: 200, headers: { ...(etag && { etag }), 'content-length': '3' } }
          : undefined;
      await assert.rejects(fixture.pull(), coded('hub_unavailable', 'hash', 'HF_ENDPOINT'));
    }
  });
});

suite('a hub that tells the size of a file in its listing alone', () => {
  test('is believed', async () => {
    await using fixture = await HubFixture.create();
    const content = Buffer.from(FILES['config.json'] ?? '');
    const etag = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
    fixture.hub.fault = ({ method, file }) =>
      method === 'HEAD' && file === 'config.json'
        ? { status: 200, headers: { etag: `W/"${etag}"` } }
        : undefined;
    const { folder } = await fixture.pull();
    assert.deepEqual(await readFile(join(folder, 'config.json')), content);
  });
});

/** All that an error may print, its causes and fields included. */
function inspectWhole(error: Error): string {
  return `${error.stack ?? ''} ${JSON.stringify(error)} ${error.cause instanceof Error ? inspectWhole(error.cause) : ''}`;
}
