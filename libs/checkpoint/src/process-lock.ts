import { randomUUID } from 'node:crypto';
import { readFile, readlink, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { systemCode } from './failures.ts';

/** How often a waiting process looks whether the lock is free. */
const POLL_MS = 200;

/** How often the holder shows that it is alive, by touching the lock. */
const HEARTBEAT_MS = 2_000;

/**
 * A lock that was not touched for so long is abandoned. It decides where the process cannot be looked up, on
 * another host or in another container; a killed process in the same place is noticed at once. The owner may be alive
 * all the same, on a machine that slept.
 */
const ABANDONED_MS = 20_000;

/** Who holds a lock. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Where `pid` means this process: one start of one machine, and on Linux one namespace of processes. */
  readonly place: string;
  /** Unique to this holding of the lock. */
  readonly token: string;
}

/** What may be told while a lock is being acquired. */
export interface LockOptions {
  /** Called once, where another process holds the lock. */
  readonly onWait?: (owner: LockOwner) => void;
  /** Called with an owner that is known to be dead, before the lock is taken from it; not for one that is only silent. */
  readonly onDead?: (owner: LockOwner) => Promise<void>;
  /** Gives up waiting; the wait then fails with an AbortError. */
  readonly signal?: AbortSignal | undefined;
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
  static async acquire(path: string, { onWait, onDead, signal }: LockOptions = {}): Promise<ProcessLock> {
    const owner = { pid: process.pid, host: hostname(), place: await thisPlace(), token: randomUUID() };
    for (let waiting = false; ; ) {
      if (await createLock(path, owner)) return new ProcessLock(path, owner);
      const holder = await readOwner(path);
      const isDead = holder?.place === owner.place && !isAlive(holder.pid);
      if (isDead) await onDead?.(holder);
      if (isDead || (await isSilent(path))) {
        await takeAway(path, holder);
        continue;
      }
      if (holder && !waiting) onWait?.(holder);
      waiting ||= holder !== undefined;
      await setTimeout(POLL_MS, undefined, signal && { signal });
    }
  }

  /** Releases the lock; one that was taken over meanwhile is left to its new owner. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    await takeAway(this.#path, this.owner);
  }
}

const Owner = z.object({
  pid: z.int().positive(),
  host: z.string(),
  place: z.string(),
  token: z.string(),
});

/** A host's name is not enough: containers share it, and then one's process ids mean nothing to the other. */
async function thisPlace(): Promise<string> {
  const [boot, namespace] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ]);
  return [hostname(), boot.trim(), namespace].join(' ');
}

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

async function isSilent(path: string): Promise<boolean> {
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
