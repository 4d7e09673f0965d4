import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { LanguageService, VisionService } from '@diptych/contract';
import { createClient } from '@diptych/rpc';
import { HubServer, MODEL_HOME, picoFiles, ROOT, SAMPLES, startPico } from '@diptych/testing';

const CLI = join(ROOT, 'apps/cli/bin.js');
const QUESTION = [join(SAMPLES, 'two-cats.png'), 'What do we see in this image?'];

suite('a model of the hub', () => {
  let hub: HubServer;
  let commit: string;
  let cache: string;
  let env: NodeJS.ProcessEnv;

  before(async () => {
    hub = await HubServer.start();
    commit = hub.add('org/pico', { files: { ...picoFiles(), 'pytorch_model.bin': 'pickled' } });
    cache = await mkdtemp(join(tmpdir(), 'diptych-hub-'));
    env = { ...process.env, DIPTYCH_HOME: MODEL_HOME, HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache };
  });
  after(async () => {
    await hub[Symbol.asyncDispose]();
    await rm(cache, { recursive: true });
  });

  const diptych = (args: readonly string[], changes: NodeJS.ProcessEnv = {}) =>
    promisify(execFile)(process.execPath, [CLI, ...args], { env: { ...env, ...changes } });
  const snapshot = () => join(cache, 'models--org--pico/snapshots', commit);

  test('is told by Ctrl-C to stop, and goes on where it was', async () => {
    const { promise: never } = Promise.withResolvers<never>();
    const { promise: begun, resolve } = Promise.withResolvers<undefined>();
    hub.fault = ({ server }) => {
      if (server !== 'cdn') return undefined;
      resolve(undefined);
      return { until: never };
    };
    const child = spawn(process.execPath, [CLI, 'pull', 'org/pico'], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = once(child, 'exit');
    const said = text(child.stderr);
    await begun;
    child.kill('SIGINT');
    assert.deepEqual(await exited, [130, null]);
    assert.match(await said, /What came is kept; pull it again to go on/);
    hub.fault = () => undefined;
  });

  test('is pulled, listed, and then asked offline', async () => {
    const { stdout } = await diptych(['pull', 'org/pico']);
    assert.equal(stdout, `${snapshot()}\n`);
    assert.equal(hub.downloads('config.json').length, 1, 'what came before Ctrl-C is not downloaded again');
    assert.ok(!(await readdir(snapshot())).includes('pytorch_model.bin'));

    const empty = { DIPTYCH_HOME: join(cache, 'home') };
    const listed = JSON.parse((await diptych(['list', '--json'], empty)).stdout) as object[];
    assert.equal(listed.length, 1);
    assert.deepEqual(
      { ...listed[0], bytes: 0 },
      {
        id: 'org/pico',
        revision: commit,
        refs: ['main'],
        family: 'idefics3',
        bytes: 0,
        folder: snapshot(),
        compiled: [],
      },
    );
    assert.match(
      (await diptych(['list'], empty)).stdout,
      /^org\/pico +idefics3 +7\.2 MB +[0-9a-f]{7} main\n$/,
    );

    hub.requests.length = 0;
    const offline = { HF_HUB_OFFLINE: '1', HF_ENDPOINT: 'http://127.0.0.1:9' };
    const answer = await diptych(['ask', '--model', 'org/pico', ...QUESTION], offline);
    assert.match(answer.stdout, /two cats/i);
    assert.deepEqual(hub.requests, []);
    assert.match((await diptych(['list'])).stdout, / main +compiled: float32\n$/);
  });

  test('is served under its own name, and every stage tells its commit', async () => {
    await using services = await startPico({ model: 'org/pico', env });
    using language = createClient(LanguageService, { address: services.language });
    using vision = createClient(VisionService, { address: services.vision });
    for (const client of [language, vision]) {
      const { model } = await client.getModel({});
      assert.deepEqual([model?.id, model?.revision], ['org/pico', commit]);
    }
    const response = await fetch(`${services.url}/v1/models/org/pico`);
    assert.equal(((await response.json()) as { id: string }).id, 'org/pico');
  });

  test('of another family is refused before its weights come', async () => {
    hub.add('org/donut', { files: { ...picoFiles(), 'config.json': '{"model_type":"donut"}' } });
    hub.requests.length = 0;
    await assert.rejects(diptych(['pull', 'org/donut']), /donut.*model_family_unsupported/);
    assert.deepEqual(hub.downloads('model.safetensors'), []);
  });

  test('that is not there is told once, with both ways to name one', async () => {
    await assert.rejects(
      diptych(['ask', '--model', 'org/nothing', ...QUESTION]),
      /no folder org\/nothing here.*no repository org\/nothing.*checkpoint_not_found/,
    );
    await assert.rejects(diptych(['pull', 'nothing']), /org\/name@revision.*invalid_parameter/);
  });
});
