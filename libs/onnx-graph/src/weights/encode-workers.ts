import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DiptychError, type ErrorCode } from '@diptych/errors';
import type { EncodeJob } from './encode-job.ts';

/** What a worker answers; empty for success. */
export interface EncodeAnswer {
  readonly coded?: { readonly code: ErrorCode; readonly message: string };
  /** Anything that is no coded error, with its stack. */
  readonly failure?: string;
}

/** One job in work and one that waits, so that a worker never waits for the main thread. */
const JOBS_EACH = 2;

/** Worker threads that encode weights, from the first job until the end of the scope. */
export class EncodeWorkers implements AsyncDisposable {
  readonly #workers: readonly EncodeThread[];
  readonly #waiting: Waiting[] = [];

  constructor(threads: number) {
    this.#workers = Array.from({ length: threads }, () => new EncodeThread(() => this.#dispatch()));
  }

  /**
   * Encodes the rows of a job into its outputs.
   *
   * @throws DiptychError `checkpoint_invalid` naming file and tensor.
   */
  run(job: EncodeJob): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (const worker of [...this.#workers].sort((a, b) => a.load - b.load)) {
      if (worker.load >= JOBS_EACH) return;
      const next = this.#waiting.shift();
      if (!next) return;
      worker.start(next);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
  }
}

interface Waiting {
  readonly job: EncodeJob;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class EncodeThread {
  readonly #worker = new Worker(workerFile(), { name: 'weights' });
  readonly #started: Waiting[] = [];
  #broken: Error | undefined;

  constructor(onIdle: () => void) {
    this.#worker.on('message', (answer: EncodeAnswer) => {
      settle(this.#started.shift(), answer);
      onIdle();
    });
    this.#worker.on('error', (cause: Error) => this.#fail(cause));
    this.#worker.on('exit', (code) => this.#fail(new Error(`A thread that encodes weights ended: ${code}.`)));
  }

  /** Jobs that are not answered yet. */
  get load(): number {
    return this.#started.length;
  }

  start(waiting: Waiting): void {
    if (this.#broken) {
      waiting.reject(this.#broken);
      return;
    }
    this.#started.push(waiting);
    this.#worker.postMessage(waiting.job);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(cause: Error): void {
    this.#broken ??= cause;
    for (const { reject } of this.#started.splice(0)) reject(this.#broken);
  }
}

function settle(waiting: Waiting | undefined, { coded, failure }: EncodeAnswer): void {
  if (coded) waiting?.reject(new DiptychError(coded.code, coded.message));
  else if (failure !== undefined) waiting?.reject(new Error(failure));
  else waiting?.resolve();
}

/** The worker stands beside this file: as TypeScript from source, as JavaScript beside a bundle. */
function workerFile(): URL {
  return new URL(`./encode-worker${extname(import.meta.url)}`, import.meta.url);
}
