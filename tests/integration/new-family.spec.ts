import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { type Checkpoint, openCheckpoint } from '@diptych/checkpoint';
import type { ModelDescription } from '@diptych/models';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Every family is copied once. */
const FAMILIES = ['idefics2', 'idefics3', 'llava', 'llava_next'];

const CHECKPOINTS = join(ROOT, 'tests/golden/fixtures');

let folder: string;
let models: string;

before(async () => {
  // Within the workspace, so that imports of its packages are found; ignored by git and by the linter.
  await mkdir(join(ROOT, 'dist'), { recursive: true });
  folder = await mkdtemp(join(ROOT, 'dist/new-family-'));
  models = join(folder, 'src');
  await cp(join(ROOT, 'libs/models/src'), models, { recursive: true });
});
after(() => rm(folder, { recursive: true }));

test('a family that begins as a copy of another serves the same checkpoints under its own type, and passes the compiler', async () => {
  for (const like of FAMILIES) await newFamily(`my_${like}`, like);
  const { describeModel } = (await import(pathToFileURL(join(models, 'load-model.ts')).href)) as {
    describeModel: (checkpoint: Checkpoint) => Promise<ModelDescription>;
  };
  for (const like of FAMILIES) {
    const original = await describeModel(await openCheckpoint(await checkpointOf(like)));
    const copy = await describeModel(await openCheckpoint(await retyped(like, `my_${like}`)));
    assert.equal(copy.family, `my_${like}`);
    const size = { width: 300, height: 200 };
    assert.deepEqual(copy.vision.planImage(size), original.vision.planImage(size));
    assert.deepEqual(copy.language, original.language);
  }
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.base.json'),
      include: ['src'],
      exclude: ['**/*.spec.ts'],
    }),
  );
  await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder]).catch(
    (error: unknown) => assert.fail((error as { stdout: string }).stdout),
  );
});

test('a name that is taken, a name that is no model_type and an unknown family are refused, and nothing is written', async () => {
  const before_ = await readdir(models);
  await assert.rejects(newFamily('llava', 'idefics3'), /exists already/);
  await assert.rejects(newFamily('My-VLM', 'llava'), /My-VLM is no model_type/);
  await assert.rejects(newFamily('mine', 'nope'), /there is no family nope; there are .*llava_next/);
  assert.deepEqual(await readdir(models), before_);
});

function newFamily(name: string, like: string) {
  return run(process.execPath, [
    join(ROOT, 'tools/new-family.ts'),
    name,
    ...['--like', like, '--models', models],
  ]);
}

/** A committed checkpoint of a family. */
async function checkpointOf(family: string): Promise<string> {
  for (const name of (await readdir(CHECKPOINTS)).sort()) {
    const checkpoint = join(CHECKPOINTS, name, 'checkpoint');
    const config = await readFile(join(checkpoint, 'config.json'), 'utf8').catch(() => undefined);
    if (config !== undefined && typeOf(config) === family) return checkpoint;
  }
  return assert.fail(`no checkpoint of ${family}`);
}

async function retyped(family: string, type: string): Promise<string> {
  const target = join(folder, type);
  await cp(await checkpointOf(family), target, { recursive: true });
  const path = join(target, 'config.json');
  const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await writeFile(path, JSON.stringify({ ...config, model_type: type }));
  return target;
}

function typeOf(config: string): unknown {
  return (JSON.parse(config) as { model_type?: unknown }).model_type;
}
