import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Milliseconds for which an event loop was held up. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Pause between two looks for what a process was asked to write. */
const POLL_MS = 5;
const GIVE_UP_MS = 5_000;

/** Has the probe in a process begin anew. */
export async function resetLoopDelay(pid: number, scratch: string): Promise<void> {
  await readLoopDelay(pid, scratch);
}

/** What the probe in a process has seen since it last began anew; it begins anew. */
export async function readLoopDelay(pid: number, scratch: string): Promise<LoopDelay> {
  const path = join(scratch, 'loop-delay', `${pid}.json`);
  process.kill(pid, 'SIGUSR2');
  const deadline = performance.now() + GIVE_UP_MS;
  while (performance.now() < deadline) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) {
      await rm(path);
      return JSON.parse(text) as LoopDelay;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`process ${pid} does not say how long its event loop was held up`);
}
