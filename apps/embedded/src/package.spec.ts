import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../../..');
const run = promisify(execFile);

interface Manifest {
  readonly scripts: { readonly build: string };
  readonly dependencies: Readonly<Record<string, string>>;
}

suite('the package that is built', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'diptych-package-'));
    await install(join(folder, 'node_modules'));
  });
  after(() => rm(folder, { recursive: true }));

  test('runs the example of the README elsewhere, in a process that then ends by itself', async () => {
    await writeFile(join(folder, 'example.ts'), await example());
    const env = { ...process.env, DIPTYCH_HOME: join(folder, 'home') };
    const { stdout } = await run(process.execPath, [join(folder, 'example.ts')], { cwd: ROOT, env });
    assert.equal(stdout, ' Two cats.');
  });

  test('carries no server, and declares what it imports', async () => {
    const { dependencies } = await manifest(join(folder, 'node_modules/@diptych/embedded'));
    assert.deepEqual(Object.keys(dependencies), ['koffi', 'onnxruntime-node', 'sharp']);
    const types = await readFile(join(folder, 'node_modules/@diptych/embedded/index.d.ts'), 'utf8');
    assert.match(types, /export declare function openModel/);
  });
});

/** Builds the package into a folder of modules, beside links to what it depends on. */
async function install(modules: string): Promise<void> {
  const here = join(ROOT, 'apps/embedded');
  const out = join(modules, '@diptych/embedded');
  await mkdir(out, { recursive: true });
  const [, ...build] = (await manifest(here)).scripts.build.split(' ');
  await run(process.execPath, [...build, `--out=${out}`], { cwd: here });
  const { dependencies } = await manifest(out);
  for (const name of Object.keys(dependencies))
    await symlink(join(ROOT, 'node_modules', name), join(modules, name));
}

async function manifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}

async function example(): Promise<string> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const [, code] = /## As a library[\s\S]*?```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  assert.ok(code);
  return code;
}
