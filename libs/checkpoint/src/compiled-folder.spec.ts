import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import { compiledFolder } from './compiled-folder.ts';
import { MANIFEST_FILE } from './manifest.ts';
import { coded } from './spec/coded.ts';
import { TemporaryFolder } from './spec/temporary-folder.ts';

const NAME = 'abc-vision-float32-v1';

test('compiles once, and finds the result on the second start', async () => {
  await using home = await TemporaryFolder.create();
  const first = await ask(home);
  assert.equal(first.folder, join(home.path, 'compiled', NAME));
  assert.equal(await readFile(join(first.folder, 'model.onnx'), 'utf8'), 'graph');
  assert.deepEqual(JSON.parse(await readFile(join(first.folder, MANIFEST_FILE), 'utf8')), {
    fingerprint: 'abc',
    stage: 'vision',
    weights: 'float32',
    compilerVersion: 1,
    files: {
      'model.onnx': { bytes: 5, sha256: sha256('graph') },
      'vision/model.onnx': { bytes: 6, sha256: sha256('vision') },
    },
  });
  const second = await ask(home);
  assert.deepEqual(second, { folder: first.folder, compilations: 0, messages: [] });
});

test('another checkpoint, stage, weight format or compiler version has a folder of its own', async () => {
  await using home = await TemporaryFolder.create();
  const variants = [
    {},
    { compilerVersion: 2 },
    { weights: 'int8' },
    { fingerprint: 'def' },
    { stage: 'language' },
  ];
  const folders = new Set<string>();
  for (const variant of variants) folders.add((await ask(home, variant)).folder);
  assert.equal(folders.size, 5);
});

const DAMAGE: Record<string, { do: (folder: string) => Promise<void>; names: string }> = {
  'a changed byte': {
    do: (folder) => writeFile(join(folder, 'vision', 'model.onnx'), 'Vision'),
    names: 'vision/model.onnx',
  },
  'a file that was cut': {
    do: (folder) => writeFile(join(folder, 'model.onnx'), 'gra'),
    names: 'model.onnx has 3 bytes instead of 5',
  },
  'a missing file': { do: (folder) => rm(join(folder, 'model.onnx')), names: 'model.onnx' },
  'a missing manifest': { do: (folder) => rm(join(folder, MANIFEST_FILE)), names: MANIFEST_FILE },
  'a corrupt manifest': { do: (folder) => writeFile(join(folder, MANIFEST_FILE), '{'), names: MANIFEST_FILE },
  'a manifest that leads elsewhere': {
    do: (folder) => writeFile(join(folder, MANIFEST_FILE), '{"files":{"../x":{}}}'),
    names: MANIFEST_FILE,
  },
};

for (const [what, damage] of Object.entries(DAMAGE)) {
  test(`${what} is named, and the model is compiled again`, async () => {
    await using home = await TemporaryFolder.create();
    const { folder } = await ask(home);
    await damage.do(folder);
    const again = await ask(home);
    assert.equal(again.compilations, 1);
    assert.ok(
      again.messages.some((message) => message.includes(`damaged (${damage.names}`)),
      again.messages.join(),
    );
    assert.equal(await readFile(join(folder, 'model.onnx'), 'utf8'), 'graph');
    assert.deepEqual(await readdir(join(home.path, 'compiled')), [NAME]);
    assert.equal((await ask(home)).compilations, 0);
  });
}

test('a compilation that fails leaves nothing, and the next one may succeed', async () => {
  await using home = await TemporaryFolder.create();
  const failure = new DiptychError('checkpoint_invalid', 'config.json: no');
  const compile = async (folder: string) => {
    await writeFile(join(folder, 'model.onnx'), 'half');
    throw failure;
  };
  await assert.rejects(ask(home, { compile }), failure);
  assert.deepEqual(await readdir(join(home.path, 'compiled')), []);
  assert.equal((await ask(home)).compilations, 1);
});

test('a home that cannot be written is named', async () => {
  await using home = await TemporaryFolder.create();
  await writeFile(home.file('occupied'), '');
  const inside = compiledFolder({
    ...defaults(home),
    home: home.file('occupied'),
    compile: async () => undefined,
  });
  await assert.rejects(inside, coded('configuration_invalid', home.file('occupied'), 'DIPTYCH_HOME'));
});

test('two processes that start together compile once, and both get the model', async () => {
  await using home = await TemporaryFolder.create();
  using first = new Worker(home);
  await first.says('compiling');
  using second = new Worker(home);
  await second.says('Waiting for process');
  first.goOn();
  assert.equal(await first.says(NAME), await second.says(NAME));
  assert.equal(await readFile(home.file('log'), 'utf8'), 'compiled\n');
  assert.deepEqual(await readdir(join(home.path, 'compiled')), [NAME]);
});

test('what a killed process has written is handed to the next, and counts for nothing else', async () => {
  await using home = await TemporaryFolder.create();
  using first = new Worker(home);
  await first.says('compiling');
  using second = new Worker(home);
  await second.says('Waiting for process');
  await first.kill();
  await second.says('from where it was interrupted');
  await second.says('found vision');
  await second.says('compiling');
  second.goOn();
  const folder = await second.says(NAME);
  assert.equal(await readFile(join(folder, 'model.onnx'), 'utf8'), 'language');
  assert.equal(await readFile(home.file('log'), 'utf8'), 'compiled\n');
  assert.deepEqual(await readdir(join(home.path, 'compiled')), [NAME]);
});

test('a process that starts after one was killed is not held up', async () => {
  await using home = await TemporaryFolder.create();
  using first = new Worker(home);
  await first.says('compiling');
  await first.kill();
  assert.equal((await ask(home)).compilations, 1);
  assert.deepEqual(await readdir(join(home.path, 'compiled')), [NAME]);
});

test('a lock of another host counts while it is touched, not when it was left', async () => {
  await using home = await TemporaryFolder.create();
  const { folder } = await ask(home);
  await rm(folder, { recursive: true });
  const lock = `${folder}.lock`;
  const owner = JSON.stringify({ pid: process.pid, host: 'elsewhere', place: 'elsewhere', token: 'x' });
  await writeFile(lock, owner);
  const messages: string[] = [];
  const asked = ask(home, {
    onProgress: (message) => {
      messages.push(message);
      // Two minutes ago: the other host has stopped to touch it.
      if (message.includes('elsewhere')) void utimes(lock, new Date(), new Date(Date.now() - 120_000));
    },
  });
  assert.equal((await asked).compilations, 1);
  assert.ok(messages[0]?.includes(`process ${process.pid} on elsewhere`), messages.join());
});

test('an owner that is silent but alive keeps what it has written', async () => {
  await using home = await TemporaryFolder.create();
  const lock = home.file(join('compiled', `${NAME}.lock`));
  let owner = '';
  const compile = async () => {
    owner = await readFile(lock, 'utf8');
  };
  await rm((await ask(home, { compile })).folder, { recursive: true });
  const { token } = JSON.parse(owner) as { token: string };
  const partial = `${NAME}.partial-${token}`;
  await mkdir(home.file(join('compiled', partial)));
  await writeFile(lock, owner);
  await utimes(lock, new Date(), new Date(Date.now() - 120_000));
  assert.equal((await ask(home)).compilations, 1);
  assert.deepEqual(await readdir(home.file('compiled')), [NAME, partial]);
});

test('what nobody has written to for two days is removed', async () => {
  await using home = await TemporaryFolder.create();
  const partial = home.file(join('compiled', `${NAME}.partial-x`));
  await mkdir(partial, { recursive: true });
  await utimes(partial, new Date(), new Date(Date.now() - 2 * 86_400_000));
  await ask(home);
  assert.deepEqual(await readdir(home.file('compiled')), [NAME]);
});

test('a folder that vanishes while it is written is written again, once', async () => {
  await using home = await TemporaryFolder.create();
  let compilations = 0;
  const vanish = (times: number) => async (folder: string) => {
    compilations += 1;
    if (compilations <= times) await rm(folder, { recursive: true });
    await writeFile(join(folder, 'model.onnx'), 'graph');
  };
  const { folder, messages } = await ask(home, { compile: vanish(1) });
  assert.equal(compilations, 2);
  assert.equal(await readFile(join(folder, 'model.onnx'), 'utf8'), 'graph');
  assert.ok(
    messages.some((message) => message.includes('vanished')),
    messages.join(),
  );
  compilations = 0;
  await rm(folder, { recursive: true });
  await assert.rejects(ask(home, { compile: vanish(9) }), /vanished/);
  assert.equal(compilations, 2);
});

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

type Options = Parameters<typeof compiledFolder>[0];

function defaults(home: TemporaryFolder): Omit<Options, 'compile'> {
  return {
    home: home.path,
    checkpoint: { id: 'tiny' },
    fingerprint: 'abc',
    stage: 'vision',
    weights: 'float32',
    compilerVersion: 1,
  };
}

/** Asks for the folder in this process, and counts what that takes. */
async function ask(home: TemporaryFolder, options: Partial<Options> = {}) {
  const messages: string[] = [];
  let compilations = 0;
  const compile = async (folder: string) => {
    compilations += 1;
    await writeFile(join(folder, 'model.onnx'), 'graph');
    await mkdir(join(folder, 'vision'), { recursive: true });
    await writeFile(join(folder, 'vision', 'model.onnx'), 'vision');
  };
  const onProgress = (message: string) => messages.push(message);
  const folder = await compiledFolder({ ...defaults(home), compile, onProgress, ...options });
  return { folder, compilations, messages };
}

/** `compile-worker.ts` in a process of its own, killed at the end of the scope. */
class Worker implements Disposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string, undefined>;

  constructor(home: TemporaryFolder) {
    const script = new URL('./spec/compile-worker.ts', import.meta.url).pathname;
    this.#child = spawn(process.execPath, [script, home.path, home.file('log')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** The next line that holds these words. */
  async says(words: string): Promise<string> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      assert.ok(!done, `the process ended without saying "${words}"`);
      if (value.includes(words)) return value;
    }
  }

  goOn(): void {
    this.#child.stdin.write('\n');
  }

  async kill(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
