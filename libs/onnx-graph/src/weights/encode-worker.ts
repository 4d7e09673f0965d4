import { parentPort } from 'node:worker_threads';
import { DiptychError } from '@diptych/errors';
import { type EncodeJob, runJob } from './encode-job.ts';
import type { EncodeAnswer } from './encode-workers.ts';
import { RowReader } from './row-reader.ts';

// Entry of a worker thread: one job in, one answer out, in order. Only encode-workers.ts talks to it.
const reader = new RowReader();

parentPort?.on('message', (job: EncodeJob) => {
  parentPort?.postMessage(answer(job));
});

function answer(job: EncodeJob): EncodeAnswer {
  try {
    runJob(reader, job);
    return {};
  } catch (error) {
    // An error of our own class would arrive without it.
    if (error instanceof DiptychError) return { coded: { code: error.code, message: error.message } };
    return { failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
