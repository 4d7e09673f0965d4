import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { unreadable } from './unreadable-file.ts';

/** What a worker tells: bytes as it reads them, then the hash or why there is none. */
export type HashAnswer =
  | { readonly bytes: number }
  | { readonly sha256: string }
  | { readonly failure: { readonly message: string; readonly code: string | undefined } };

/** Threads beyond this wait for the disk. */
const MAX_THREADS = 4;

/**
 * SHA-256 of large files in hexadecimal, in their order, on a thread for each core. `onBytes` is told how much was read.
 *
 * @throws UnreadableFile
 */
export async function hashLarge(
  paths: readonly string[],
  onBytes: (bytes: number) => void,
): Promise<readonly string[]> {
  const hashes: string[] = [];
  const left = [...paths.entries()];
  const work = async () => {
    const worker = new Worker(workerFile(), { name: 'hashes' });
    try {
      for (let next = left.shift(); next; next = left.shift())
        hashes[next[0]] = await hashOn(worker, next[1], onBytes).catch(unreadable(next[1]));
    } finally {
      await worker.terminate();
    }
  };
  const threads = Math.min(paths.length, availableParallelism(), MAX_THREADS);
  await Promise.all(Array.from({ length: threads }, work));
  return hashes;
}

function hashOn(worker: Worker, path: string, onBytes: (bytes: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      worker.off('message', hear).off('error', reject);
      finish();
    };
    const hear = (answer: HashAnswer) => {
      if ('bytes' in answer) onBytes(answer.bytes);
      else if ('sha256' in answer) settle(() => resolve(answer.sha256));
      else settle(() => reject(systemError(answer.failure)));
    };
    worker.on('message', hear).on('error', reject);
    worker.postMessage(path);
  });
}

/** The code of an error does not cross to another thread by itself. */
function systemError({ message, code }: { message: string; code: string | undefined }): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

/** The worker stands beside this file: as TypeScript from source, as JavaScript beside a bundle. */
function workerFile(): URL {
  return new URL(`./hash-worker${extname(import.meta.url)}`, import.meta.url);
}
