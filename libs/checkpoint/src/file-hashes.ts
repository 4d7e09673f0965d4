import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type FileIdentity, identify, isSameFile, lastChange } from './file-identity.ts';
import { hashLarge } from './hash-large.ts';
import { percentLines } from './percent-line.ts';
import { ProcessLock } from './process-lock.ts';
import { unreadable } from './unreadable-file.ts';

/** Files from this size on are hashed on other threads, under a lock, and remembered. */
const LARGE_BYTES = 32 * 2 ** 20;

/** Bytes of a small file that are hashed at once: few enough to leave the event loop within a few milliseconds. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * A file that was changed so shortly before it was hashed may be changed again within one tick of its file system's
 * clock, and would look the same.
 */
const SETTLED_MS = 2_000;

/** Where sums are remembered, and whom to tell. */
export interface FileHashesOptions {
  /** Diptych's home; nothing is remembered where it is left out. */
  readonly home?: string | undefined;
  /** Told in words what takes long. */
  readonly onProgress?: ((message: string) => void) | undefined;
  /** Milliseconds since 1970, as the file system tells them. */
  readonly now?: () => number;
}

/**
 * SHA-256 sums of files. That of a large file is remembered in the home, with what tells the file from any other: its
 * real path, size, times and inode. It is read again when one of them differs, so a file that was written to is always
 * read, and one that a failing disk gives back changed is not.
 */
export class FileHashes {
  readonly #folder: string | undefined;
  readonly #onProgress: (message: string) => void;
  readonly #now: () => number;

  constructor({ home, onProgress, now = Date.now }: FileHashesOptions = {}) {
    this.#now = now;
    this.#folder = home === undefined ? undefined : join(home, 'hashes');
    this.#onProgress = onProgress ?? (() => undefined);
  }

  /**
   * Sums of files, in hexadecimal and in the order of the paths.
   *
   * @param what For the progress: `reading the checkpoint`.
   * @throws UnreadableFile
   */
  async sums(paths: readonly string[], what: string): Promise<readonly string[]> {
    const sums = new Map<string, string>();
    const large: FileIdentity[] = [];
    for (const path of paths) {
      const file = await identify(path).catch(unreadable(path));
      const known = await (file.size < LARGE_BYTES
        ? hashSmall(path).catch(unreadable(path))
        : this.#remembered(file));
      if (known === undefined) large.push(file);
      else sums.set(path, known);
    }
    if (large.length === 0) return paths.map((path) => sums.get(path) ?? '');
    const hashed = await this.#hashOnce(large, what);
    return Promise.all(
      paths.map(async (path) => sums.get(path) ?? hashed.get((await identify(path)).path) ?? ''),
    );
  }

  /** Whether the sums of these files can be told without reading a large one. */
  async areKnown(paths: readonly string[]): Promise<boolean> {
    for (const path of paths) {
      const file = await identify(path).catch(unreadable(path));
      if (file.size >= LARGE_BYTES && (await this.#remembered(file)) === undefined) return false;
    }
    return true;
  }

  /** Takes over what is remembered of a file whose folder was renamed; both paths are real ones. */
  async moved(from: string, to: string): Promise<void> {
    const file = await identify(to);
    const sha256 = await this.#remembered({ ...file, path: from });
    if (sha256 !== undefined) await this.#remember(file, sha256);
    if (this.#folder !== undefined) await rm(this.#record(this.#folder, from), { force: true });
  }

  /** Of several processes that ask for the same files, one reads them. */
  async #hashOnce(files: readonly FileIdentity[], what: string): Promise<ReadonlyMap<string, string>> {
    const lock = await this.#lock();
    try {
      return await this.#hashAll(files, what);
    } finally {
      await lock?.[Symbol.asyncDispose]();
    }
  }

  async #hashAll(files: readonly FileIdentity[], what: string): Promise<ReadonlyMap<string, string>> {
    const sums = new Map<string, string>();
    const left: FileIdentity[] = [];
    for (const file of files) {
      // Whoever held the lock may have read it.
      const known = await this.#remembered(file);
      if (known === undefined) left.push(file);
      else sums.set(file.path, known);
    }
    const hashes = await hashLarge(
      left.map(({ path }) => path),
      this.#reportBytes(left, what),
    );
    for (const [index, file] of left.entries()) {
      const sha256 = hashes[index] ?? '';
      sums.set(file.path, sha256);
      await this.#rememberSettled(file, sha256);
    }
    return sums;
  }

  #reportBytes(files: readonly FileIdentity[], what: string): (bytes: number) => void {
    const total = files.reduce((sum, { size }) => sum + size, 0);
    const report = percentLines(what, this.#onProgress);
    let done = 0;
    return (bytes) => report({ done: (done += bytes), total });
  }

  async #rememberSettled(file: FileIdentity, sha256: string): Promise<void> {
    if (!isSameFile(file, await identify(file.path))) return;
    if (this.#now() - lastChange(file) > SETTLED_MS) await this.#remember(file, sha256);
  }

  async #lock(): Promise<AsyncDisposable | undefined> {
    if (this.#folder === undefined) return undefined;
    try {
      await mkdir(this.#folder, { recursive: true });
      return await ProcessLock.acquire(join(this.#folder, 'lock'), {
        onWait: ({ pid, host }) =>
          this.#onProgress(`Waiting for process ${pid} on ${host}, which reads the same files.`),
      });
    } catch {
      // It only saves work; a home that cannot be written is named where something must be written.
      return undefined;
    }
  }

  async #remembered(file: FileIdentity): Promise<string | undefined> {
    if (this.#folder === undefined) return undefined;
    try {
      const record = Record.parse(JSON.parse(await readFile(this.#record(this.#folder, file.path), 'utf8')));
      return isSameFile(record, file) ? record.sha256 : undefined;
    } catch {
      return undefined;
    }
  }

  async #remember(file: FileIdentity, sha256: string): Promise<void> {
    if (this.#folder === undefined) return;
    const path = this.#record(this.#folder, file.path);
    const aside = `${path}.${randomUUID()}`;
    try {
      await writeFile(aside, JSON.stringify({ ...file, sha256 }), { flush: true });
      await rename(aside, path);
    } catch {
      // What is not remembered is read again.
      await rm(aside, { force: true });
    }
  }

  #record(folder: string, path: string): string {
    return join(folder, `${createHash('sha256').update(path).digest('hex')}.json`);
  }
}

const Record = z.object({
  path: z.string(),
  size: z.number(),
  modified: z.string(),
  changed: z.string(),
  inode: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

async function hashSmall(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
