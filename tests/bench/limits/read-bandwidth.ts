import { once } from 'node:events';
import { freemem } from 'node:os';
import { Worker } from 'node:worker_threads';

/** How one thread of the loop did, in milliseconds of the wall clock. */
export interface ReadSpan {
  readonly begin: number;
  readonly end: number;
  readonly bytes: number;
}

/** What a thread is started with. */
export interface ReadTask {
  readonly bytes: number;
  readonly rounds: number;
}

/** Not more than this part of what is free. */
const FREE_SHARE = 0.25;
const MIB = 2 ** 20;
const ROUNDS = 3;

/** What to read. */
export interface BandwidthOptions {
  readonly threads: number;
  /** Of all threads together, less where that much is not free. */
  readonly bytes: number;
  readonly samples: number;
}

/** Bytes a second that several threads read from memory together: one value for each sample. */
export async function readBandwidth({ threads, bytes, samples }: BandwidthOptions): Promise<number[]> {
  const each = Math.floor(Math.min(bytes, freemem() * FREE_SHARE) / threads / MIB) * MIB;
  const task: ReadTask = { bytes: each, rounds: ROUNDS };
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./read-worker.ts', import.meta.url), { workerData: task }),
  );
  try {
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const rates: number[] = [];
    for (let sample = 0; sample < samples; sample++) rates.push(await readTogether(workers));
    return rates;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

async function readTogether(workers: readonly Worker[]): Promise<number> {
  const spans = Promise.all(
    workers.map(async (worker) => {
      const [span] = (await once(worker, 'message')) as [ReadSpan];
      return span;
    }),
  );
  for (const worker of workers) worker.postMessage('read');
  const done = await spans;
  const seconds =
    (Math.max(...done.map(({ end }) => end)) - Math.min(...done.map(({ begin }) => begin))) / 1000;
  return done.reduce((sum, { bytes }) => sum + bytes, 0) / seconds;
}
