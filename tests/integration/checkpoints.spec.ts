import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { PICO, startPico } from '@diptych/testing';

suite('a checkpoint folder', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'diptych-checkpoint-'));
    env = { ...process.env, DIPTYCH_HOME: join(folder, 'home') };
  });
  after(() => rm(folder, { recursive: true }));

  const broken = async (name: string, spoil: (checkpoint: string) => Promise<void>): Promise<string> => {
    const model = join(folder, name);
    await cp(PICO, model, { recursive: true });
    await spoil(model);
    return model;
  };

  test('without its weights stops the start with one error that names the file', async () => {
    const model = await broken('no-weights', (at) => rm(join(at, 'model.safetensors')));
    await assert.rejects(startPico({ model, env }), /model\.safetensors.*checkpoint_file_missing/);
  });

  test('with truncated weights stops the start with one error that names the file', async () => {
    const model = await broken('truncated', (at) => truncate(join(at, 'model.safetensors'), 100_000));
    await assert.rejects(startPico({ model, env }), /model\.safetensors.*checkpoint_invalid/);
  });

  test('with a config that is not JSON stops the start with one error that names the file', async () => {
    const model = await broken('bad-config', (at) => writeFile(join(at, 'config.json'), '{"model_type": '));
    await assert.rejects(startPico({ model, env }), /config\.json.*checkpoint_invalid/);
  });

  test('of an unsupported family stops the start with an error that lists the supported ones', async () => {
    const model = await broken('other-family', (at) =>
      writeFile(join(at, 'config.json'), JSON.stringify({ model_type: 'donut' })),
    );
    await assert.rejects(startPico({ model, env }), /donut.*idefics3.*model_family_unsupported/);
  });

  test('is compiled once, by whichever process comes first, and its compiled file is checked at each start', async () => {
    const model = await broken('whole', () => Promise.resolve());
    const compiled = join(folder, 'home/compiled');
    const before: string[] = await readdir(compiled).catch(() => []);
    await (await startPico({ model, env })).stop();
    const [name] = (await readdir(compiled)).filter((entry) => !before.includes(entry));
    assert.ok(name);
    const files = await snapshot(join(compiled, name));
    await (await startPico({ model, env })).stop();
    assert.deepEqual(await snapshot(join(compiled, name)), files, 'a second start compiles nothing');

    const victim = Object.keys(files).find((file) => file.endsWith('.onnx.data')) ?? '';
    await truncate(join(compiled, name, victim), 1000);
    const logged: string[] = [];
    await (await startPico({ model, env, onLine: (_, line) => logged.push(line) })).stop();
    assert.ok(
      logged.some((line) => line.includes(victim)),
      'the corrupt file is named',
    );
  });
});

/** Files of a folder with their times of writing. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const times = await Promise.all(
    files.toSorted().map(async (file) => [file.slice(folder.length + 1), String((await stat(file)).mtimeMs)]),
  );
  return Object.fromEntries(times) as Record<string, string>;
}
