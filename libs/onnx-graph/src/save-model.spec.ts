import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DiptychError } from '@diptych/errors';
import { GRAPH_FILE, WEIGHTS_FILE } from './save-model.ts';
import { graphOf, NAMES, SHAPE } from './spec/save-process.ts';
import type { SaveProgress } from './weights/write-weights.ts';

const JOURNAL = `${WEIGHTS_FILE}.journal`;

let folder: string;
let sources: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diptych-save-'));
  sources = join(folder, 'sources');
  await mkdir(sources);
  for (const name of NAMES) await writeFile(join(sources, `${name}.bin`), halves(name));
});
after(() => rm(folder, { recursive: true }));

test('threads encode what one thread would', async () => {
  const { data, progress } = await save(sources, 'threads');
  for (const [index, name] of NAMES.entries()) {
    const at = index * SHAPE[0] * SHAPE[1] * 4;
    const words = Uint32Array.from(halves(name), (half) => half << 16);
    assert.ok(data.subarray(at, at + words.byteLength).equals(new Uint8Array(words.buffer)), name);
  }
  const totalBytes = NAMES.length * SHAPE[0] * SHAPE[1] * 2;
  assert.deepEqual(progress[0], { totalBytes, doneBytes: 0, resumedBytes: 0, safeBytes: 0 });
  assert.deepEqual(progress.at(-1), {
    totalBytes,
    doneBytes: totalBytes,
    resumedBytes: 0,
    safeBytes: totalBytes,
  });
  assert.deepEqual((await readdir(join(folder, 'threads'))).sort(), [GRAPH_FILE, WEIGHTS_FILE]);
});

test('a process that was killed is continued, and the result is the same', async () => {
  const whole = await save(sources, 'whole');
  const finished = await interrupted('killed');
  assert.ok(finished.length > 0 && finished.length < NAMES.length, finished.join());
  // What was finished is not read again: its files are empty now.
  const emptied = await copyOfSources('emptied');
  for (const name of finished) await truncate(join(emptied, `${name}.bin`));
  const again = await save(emptied, 'killed');
  assert.equal(again.progress[0]?.resumedBytes, finished.length * SHAPE[0] * SHAPE[1] * 2);
  assert.ok(again.data.equals(whole.data) && again.graph.equals(whole.graph));
  assert.deepEqual((await readdir(join(folder, 'killed'))).sort(), [GRAPH_FILE, WEIGHTS_FILE]);
});

test('what an interrupted save has left is compared before it is used', async () => {
  const whole = await save(sources, 'sound');
  const finished = await interrupted('damaged');
  const path = join(folder, 'damaged', WEIGHTS_FILE);
  const bytes = await readFile(path);
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  await writeFile(path, bytes);
  const again = await save(sources, 'damaged');
  assert.equal(again.progress[0]?.resumedBytes, (finished.length - 1) * SHAPE[0] * SHAPE[1] * 2);
  assert.ok(again.data.equals(whole.data));
});

test('the journal of another graph does not count', async () => {
  await interrupted('other');
  const journal = join(folder, 'other', JOURNAL);
  await writeFile(journal, (await readFile(journal, 'utf8')).replace(/^./, 'x'));
  const { progress, data } = await save(sources, 'other');
  assert.equal(progress[0]?.resumedBytes, 0);
  assert.ok(data.equals((await save(sources, 'fresh')).data));
});

test('a file that breaks off is named with its tensor, whichever thread finds it', async () => {
  const broken = await copyOfSources('broken');
  await truncate(join(broken, 'w5.bin'), 1000);
  await assert.rejects(save(broken, 'never'), (error) => {
    assert.ok(error instanceof DiptychError);
    assert.equal(error.code, 'checkpoint_invalid');
    assert.match(error.message, /^w5\.bin: tensor "w5": .*shorter/);
    return true;
  });
});

/** Saves in this process, into a folder below the spec's. */
async function save(from: string, name: string) {
  const target = join(folder, name);
  const progress: SaveProgress[] = [];
  await graphOf(from).save(target, { onProgress: (facts) => progress.push(facts) });
  const [data, graph] = await Promise.all(
    [WEIGHTS_FILE, GRAPH_FILE].map((file) => readFile(join(target, file))),
  );
  assert.ok(data && graph);
  return { data, graph, progress };
}

/** Saves in a process that is killed midway; names what it finished. */
async function interrupted(name: string): Promise<string[]> {
  const script = fileURLToPath(new URL('./spec/save-process.ts', import.meta.url));
  const target = join(folder, name);
  await assert.rejects(promisify(execFile)(process.execPath, [script, sources, target]), {
    signal: 'SIGKILL',
  });
  const [, ...lines] = (await readFile(join(target, JOURNAL), 'utf8')).trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { name: string }).name);
}

async function copyOfSources(name: string): Promise<string> {
  const target = join(folder, name);
  await cp(sources, target, { recursive: true });
  return target;
}

/** Finite bfloat16 numbers that differ from weight to weight. */
function halves(name: string): Uint16Array {
  const start = name.charCodeAt(1) * 7;
  return Uint16Array.from({ length: SHAPE[0] * SHAPE[1] }, (_, index) => (start + index * 31) & 0x3fff);
}
