import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { readHubSettings } from '../index.ts';
import { coded } from '../spec/coded.ts';
import { TemporaryFolder } from '../spec/temporary-folder.ts';

suite('the folder of the cache', () => {
  const cases: [NodeJS.ProcessEnv, string][] = [
    [{}, join(homedir(), '.cache/huggingface/hub')],
    [{ XDG_CACHE_HOME: '/x' }, '/x/huggingface/hub'],
    [{ XDG_CACHE_HOME: '/x', HF_HOME: '/h' }, '/h/hub'],
    [{ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old' }, '/old'],
    [{ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '/new' }, '/new'],
    [{ HF_HUB_CACHE: '~/models' }, join(homedir(), 'models')],
    [{ HF_HUB_CACHE: '$DISK/hub/${WHO}/$NOBODY', DISK: '/disk', WHO: 'me' }, '/disk/hub/me/$NOBODY'],
    [{ HF_HOME: '', HF_HUB_CACHE: '' }, join(homedir(), '.cache/huggingface/hub')],
    [{ HF_HUB_CACHE: 'here' }, resolve('here')],
  ];
  for (const [env, folder] of cases)
    test(`is ${folder} with ${JSON.stringify(env)}`, async () => {
      assert.equal((await readHubSettings(env)).cacheFolder, folder);
    });
});

suite('the token', () => {
  test('is that of HF_TOKEN before that of its file', async () => {
    await using home = await TemporaryFolder.create();
    await writeFile(home.file('token'), 'from-file\n');
    const token = async (env: NodeJS.ProcessEnv) =>
      (await readHubSettings({ HF_HOME: home.path, ...env })).token;
    assert.equal(await token({}), 'from-file');
    assert.equal(await token({ HUGGING_FACE_HUB_TOKEN: 'old' }), 'old');
    assert.equal(await token({ HUGGING_FACE_HUB_TOKEN: 'old', HF_TOKEN: ' new\r\n' }), 'new');
    assert.equal(await token({ HF_TOKEN: ' \n' }), 'from-file');
    assert.equal(await token({ HF_TOKEN_PATH: home.file('absent') }), undefined);
    assert.equal(await token({ HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }), undefined);
    await writeFile(home.file('other'), 'from-other');
    assert.equal(await token({ HF_TOKEN_PATH: home.file('other') }), 'from-other');
  });

  test('that no request can carry is refused without being repeated', async () => {
    const failed = readHubSettings({ HF_TOKEN: 'hf_geheim\u00df' });
    await assert.rejects(failed, (error: Error) => {
      assert.ok(!error.message.includes('geheim'));
      return coded('configuration_invalid', 'HF_TOKEN')(error);
    });
  });

  test('in a file that cannot be read is named by the file', async () => {
    await using home = await TemporaryFolder.create();
    await mkdir(home.file('token'));
    await assert.rejects(
      readHubSettings({ HF_HOME: home.path }),
      coded('configuration_invalid', home.file('token'), 'HF_TOKEN_PATH'),
    );
  });
});

suite('the hub', () => {
  test('is Hugging Face’s where nobody says', async () => {
    const { endpoint, offline, symlinks, answerTimeoutMs, transferTimeoutMs } = await readHubSettings({});
    assert.deepEqual(
      { endpoint, offline, symlinks },
      { endpoint: 'https://huggingface.co', offline: false, symlinks: true },
    );
    assert.deepEqual([answerTimeoutMs, transferTimeoutMs], [10_000, 10_000]);
  });

  test('may be another, with a path', async () => {
    const { endpoint } = await readHubSettings({ HF_ENDPOINT: 'https://mirror.example/hub/' });
    assert.equal(endpoint, 'https://mirror.example/hub');
  });

  test('is refused with another protocol or a password, which is not repeated', async () => {
    for (const HF_ENDPOINT of ['ftp://x', 'huggingface.co', 'https://me:geheim@x'])
      await assert.rejects(readHubSettings({ HF_ENDPOINT }), (error: Error) => {
        assert.ok(!error.message.includes('geheim'));
        return coded('configuration_invalid', 'HF_ENDPOINT')(error);
      });
  });

  test('is not asked offline', async () => {
    for (const value of ['1', 'true', 'Yes', 'ON'])
      assert.equal((await readHubSettings({ HF_HUB_OFFLINE: value })).offline, true);
    for (const value of ['0', 'false', '', 'offline'])
      assert.equal((await readHubSettings({ HF_HUB_OFFLINE: value })).offline, false);
    assert.equal((await readHubSettings({ TRANSFORMERS_OFFLINE: '1' })).offline, true);
  });

  test('gets as much time as the environment says', async () => {
    const env = { HF_HUB_ETAG_TIMEOUT: '3', HF_HUB_DOWNLOAD_TIMEOUT: '60' };
    const { answerTimeoutMs, transferTimeoutMs } = await readHubSettings(env);
    assert.deepEqual([answerTimeoutMs, transferTimeoutMs], [3_000, 60_000]);
    await assert.rejects(
      readHubSettings({ HF_HUB_ETAG_TIMEOUT: 'soon' }),
      coded('configuration_invalid', 'HF_HUB_ETAG_TIMEOUT'),
    );
  });
});
