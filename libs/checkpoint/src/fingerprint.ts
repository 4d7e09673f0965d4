import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { readFailure } from './failures.ts';
import type { FileHashes } from './file-hashes.ts';
import { UnreadableFile } from './unreadable-file.ts';

/**
 * SHA-256 in hexadecimal over the names and contents of files; their order does not matter.
 *
 * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid` naming a file that cannot be read.
 */
export async function fingerprintFiles(
  folder: string,
  files: readonly string[],
  hashes: FileHashes,
): Promise<string> {
  const sorted = [...files].sort();
  const sums = await sumsOf(folder, sorted, hashes);
  const hash = createHash('sha256');
  for (const [index, file] of sorted.entries()) hash.update(`${file}\0${sums[index] ?? ''}\n`);
  return hash.digest('hex');
}

async function sumsOf(
  folder: string,
  files: readonly string[],
  hashes: FileHashes,
): Promise<readonly string[]> {
  const paths = files.map((file) => join(folder, file));
  try {
    return await hashes.sums(paths, 'reading the checkpoint');
  } catch (error) {
    throw error instanceof UnreadableFile ? readFailure(error.path, error) : error;
  }
}
