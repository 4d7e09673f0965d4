import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileHashes } from './file-hashes.ts';
import { TemporaryFolder } from './spec/temporary-folder.ts';

/** Large enough to be hashed on another thread and remembered. */
const LARGE = 33 * 2 ** 20;

test('sums of small and large files are those of their contents, in order', async () => {
  await using folder = await TemporaryFolder.create();
  const contents = ['', 'small', Buffer.alloc(LARGE, 'a'), Buffer.alloc(LARGE, 'b')];
  const paths = contents.map((_, index) => folder.file(`${index}`));
  for (const [index, content] of contents.entries()) await writeFile(paths[index] ?? '', content);
  for (const home of [undefined, folder.file('home')])
    assert.deepEqual(await new FileHashes({ home }).sums(paths, 'reading'), contents.map(sha256));
});

test('a large file that was not written to is not read again, and neither when its folder has another name', async () => {
  await using folder = await TemporaryFolder.create();
  const path = await largeFile(folder);
  const hashes = later(folder);
  assert.ok(!(await hashes.areKnown([path])));
  const sums = await hashes.sums([path], 'reading');
  assert.ok(await hashes.areKnown([path]));
  assert.deepEqual(await hashes.sums([path], 'reading'), sums);
  await rename(folder.file('model'), folder.file('renamed'));
  const moved = folder.file(join('renamed', 'data'));
  assert.ok(!(await hashes.areKnown([moved])));
  await hashes.moved(path, moved);
  assert.ok(await hashes.areKnown([moved]));
  assert.deepEqual(await hashes.sums([moved], 'reading'), sums);
});

test('a file that was written to is read again, also where size and time of modification are put back', async () => {
  await using folder = await TemporaryFolder.create();
  const path = await largeFile(folder);
  const [before] = await later(folder).sums([path], 'reading');
  const { atime, mtime } = await stat(path);
  await using handle = await open(path, 'r+');
  await handle.write('x', 1000);
  await utimes(path, atime, mtime);
  assert.ok(!(await later(folder).areKnown([path])));
  const [after] = await later(folder).sums([path], 'reading');
  assert.notEqual(after, before);
  assert.equal(after, sha256(await readFile(path)));
});

test('a file that was changed a moment ago is not remembered: it may change again within one tick', async () => {
  await using folder = await TemporaryFolder.create();
  const path = await largeFile(folder);
  const { mtimeMs } = await stat(path);
  const hashes = new FileHashes({ home: folder.file('home'), now: () => mtimeMs + 1000 });
  await hashes.sums([path], 'reading');
  assert.ok(!(await hashes.areKnown([path])));
});

test('a home that cannot be written costs time only', async () => {
  await using folder = await TemporaryFolder.create();
  const path = await largeFile(folder);
  const [sum] = await new FileHashes({ home: path }).sums([path], 'reading');
  assert.equal(sum, sha256(await readFile(path)));
});

test('a file that cannot be read gives the error of the system', async () => {
  await using folder = await TemporaryFolder.create();
  await assert.rejects(new FileHashes().sums([folder.file('none')], 'reading'), { code: 'ENOENT' });
  await assert.rejects(new FileHashes().sums([folder.path], 'reading'), { code: 'EISDIR' });
});

/** Sums at a time at which every file of the spec is old. */
function later(folder: TemporaryFolder): FileHashes {
  return new FileHashes({ home: folder.file('home'), now: () => Date.now() + 60_000 });
}

/** A file in a folder of its own. */
async function largeFile(folder: TemporaryFolder): Promise<string> {
  await mkdir(folder.file('model'));
  const path = folder.file(join('model', 'data'));
  await writeFile(path, Buffer.alloc(LARGE, 'a'));
  return path;
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
