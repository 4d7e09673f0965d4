import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { readFailure } from './failures.ts';

/** Bytes hashed at once: few enough to leave the event loop within a few milliseconds. */
const CHUNK_BYTES = 1024 * 1024;

/** SHA-256 of a file in hexadecimal, by streaming. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/**
 * SHA-256 in hexadecimal over the names and contents of files; their order does not matter.
 *
 * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid` naming a file that cannot be read.
 */
export async function fingerprintFiles(folder: string, files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of [...files].sort()) hash.update(`${file}\0${await hashNamed(join(folder, file))}\n`);
  return hash.digest('hex');
}

function hashNamed(path: string): Promise<string> {
  return hashFile(path).catch((error: unknown) => {
    throw readFailure(path, error);
  });
}
