import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { systemCode } from './failures.ts';
import type { HashAnswer } from './hash-large.ts';

// Entry of a worker thread: one path in, its progress and one hash out. Only hash-large.ts talks to it.

/** Bytes read at once. */
const CHUNK_BYTES = 8 * 2 ** 20;

parentPort?.on('message', (path: string) => {
  try {
    tell({ sha256: hash(path) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell({ failure: { message, code: systemCode(error) } });
  }
});

function hash(path: string): string {
  const sha256 = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let read = -1; read !== 0; ) {
      read = readSync(file, buffer, 0, buffer.length, null);
      sha256.update(buffer.subarray(0, read));
      tell({ bytes: read });
    }
    return sha256.digest('hex');
  } finally {
    closeSync(file);
  }
}

function tell(answer: HashAnswer): void {
  parentPort?.postMessage(answer);
}
