import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DiptychError } from '@diptych/errors';
import type { DecodedPixels } from './decode-image.ts';
import type { ImagePlan, Tile } from './image-plan.ts';

/** One image to resize, cut and normalise. */
export interface TileJob {
  readonly pixels: DecodedPixels;
  readonly plan: ImagePlan;
}

/** What a worker answers. */
export interface TileAnswer {
  readonly tiles: readonly Tile[];
}

/** Resizes, cuts and normalises on a worker thread; `pixels` is moved there and must not be used after. */
export function makeTiles(job: TileJob): Promise<readonly Tile[]> {
  return new Promise((resolve, reject) => {
    waiting.push({ job, resolve, reject });
    dispatch();
  });
}

/** More threads than this would only take cores from the encoder, which needs far longer for the same image. */
const MAX_WORKERS = Math.min(availableParallelism(), 4);

interface Waiting {
  readonly job: TileJob;
  readonly resolve: (tiles: readonly Tile[]) => void;
  readonly reject: (error: unknown) => void;
}

const waiting: Waiting[] = [];
const idle: Worker[] = [];
let workers = 0;

function dispatch(): void {
  if (idle.length === 0 && workers === MAX_WORKERS) return;
  const next = waiting.shift();
  if (next) run(idle.pop() ?? startWorker(), next);
}

function startWorker(): Worker {
  workers += 1;
  const worker = new Worker(workerFile(), { name: 'image tiles' });
  worker.once('exit', () => {
    workers -= 1;
    if (idle.includes(worker)) idle.splice(idle.indexOf(worker), 1);
    dispatch();
  });
  return worker;
}

/** The worker stands beside this file: as TypeScript from source, as JavaScript beside a bundle. */
function workerFile(): URL {
  return new URL(`./resample-worker${extname(import.meta.url)}`, import.meta.url);
}

/** A worker keeps the process alive only while it works. */
function run(worker: Worker, { job, resolve, reject }: Waiting): void {
  const fail = (cause: unknown) => {
    worker.off('message', succeed).off('error', fail).off('exit', fail);
    reject(new DiptychError('internal', 'Resizing the image failed.', { cause }));
  };
  const succeed = ({ tiles }: TileAnswer) => {
    worker.off('error', fail).off('exit', fail).unref();
    idle.push(worker);
    resolve(tiles);
    dispatch();
  };
  worker.once('message', succeed).once('error', fail).once('exit', fail).ref();
  worker.postMessage(job, [job.pixels.data.buffer]);
}
