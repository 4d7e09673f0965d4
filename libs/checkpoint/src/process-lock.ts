import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { systemCode } from './failures.ts';

/** How often a waiting process looks whether the lock is free. */
const POLL_MS = 200;

/** How often the holder shows that it is alive, by touching the lock. */
const HEARTBEAT_MS = 5_000;

/**
 * A lock that was not touched for so long is abandoned. It decides where the process cannot be looked up, on
 * another host or in another container; a killed process on the same host is noticed at once.
 */
const ABANDONED_MS = 60_000;

/** Who holds a lock. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Unique to this holding of the lock. */
  readonly token: string;
}

/** What may be told while a lock is being acquired. */
export interface LockOptions {
  /** Called once, where another process holds the lock. */
  readonly onWait?: (owner: LockOwner) => void;
  /** Called with an owner that is gone without releasing the lock, before the lock is taken from it. */
  readonly onAbandoned?: (owner: LockOwner) => Promise<void>;
}

/**
 * A lock between processes: a file that only one of them can create. A process that was killed does not block the
 * others: its lock is taken over.
 *
 * It saves work, it is no guarantee: in the moment of a takeover two processes may both believe that they hold it,
 * so what is done under it must be correct even then.
 */
export class ProcessLock implements AsyncDisposable {
  readonly owner: LockOwner;
  readonly #path: string;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(path: string, owner: LockOwner) {
    this.#path = path;
    this.owner = owner;
    this.#heartbeat = setInterval(() => void touch(path), HEARTBEAT_MS).unref();
  }

  /** Waits until the lock is free, or its owner is gone, and takes it. */
  static async acquire(path: string, { onWait, onAbandoned }: LockOptions = {}): Promise<ProcessLock> {
    const owner = { pid: process.pid, host: hostname(), token: randomUUID() };
    for (let waiting = false; ; ) {
      if (await createLock(path, owner)) return new ProcessLock(path, owner);
      const holder = await readOwner(path);
      if (await isAbandoned(path, holder)) {
        if (holder) await onAbandoned?.(holder);
        await takeAway(path, holder);
        continue;
      }
      if (holder && !waiting) onWait?.(holder);
      waiting ||= holder !== undefined;
      await setTimeout(POLL_MS);
    }
  }

  /** Releases the lock; one that was taken over meanwhile is left to its new owner. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    await takeAway(this.#path, this.owner);
  }
}

const Owner = z.object({ pid: z.int().positive(), host: z.string(), token: z.string() });

async function createLock(path: string, owner: LockOwner): Promise<boolean> {
  try {
    await writeFile(path, JSON.stringify(owner), { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined for a lock that is gone, or whose owner has not written its name yet. */
async function readOwner(path: string): Promise<LockOwner | undefined> {
  try {
    return Owner.safeParse(JSON.parse(await readFile(path, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

async function isAbandoned(path: string, holder: LockOwner | undefined): Promise<boolean> {
  if (holder?.host === hostname() && !isAlive(holder.pid)) return true;
  const touched = await stat(path).catch(() => undefined);
  return touched !== undefined && Date.now() - touched.mtimeMs > ABANDONED_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

/** Removes the lock of one owner. By renaming first, so that of several processes only one removes it. */
async function takeAway(path: string, holder: LockOwner | undefined): Promise<void> {
  if ((await readOwner(path))?.token !== holder?.token) return;
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  await rm(aside, { force: true });
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  // A lock that is gone was taken over; its loss is noticed when the work is done.
  await utimes(path, now, now).catch(() => undefined);
}
