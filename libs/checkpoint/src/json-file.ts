import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidFile, readFailure } from './failures.ts';

/** Text files are read whole. The largest real one, a tokenizer.json, has some 30 MB. */
export const MAX_TEXT_BYTES = 256 * 1024 * 1024;

/**
 * Reads a text file of a checkpoint.
 *
 * @throws DiptychError `checkpoint_file_missing`, or `checkpoint_invalid` where it is too large, not a file or not
 *   UTF-8.
 */
export async function readTextFile(folder: string, file: string): Promise<string> {
  const bytes = await readWhole(folder, file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalidFile(file, 'is not UTF-8 text; download it again.', { cause });
  }
}

/**
 * Reads a JSON file of a checkpoint.
 *
 * @throws DiptychError as `readTextFile`, and `checkpoint_invalid` where it is not JSON.
 */
export async function readJsonFile(folder: string, file: string): Promise<unknown> {
  const text = await readTextFile(folder, file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalidFile(file, `is not valid JSON (${reason}); download it again.`, { cause });
  }
}

async function readWhole(folder: string, file: string): Promise<Uint8Array> {
  try {
    await using handle = await open(join(folder, file), 'r');
    const { size } = await handle.stat();
    if (size > MAX_TEXT_BYTES)
      throw invalidFile(file, `has ${size} bytes; at most ${MAX_TEXT_BYTES} are read.`);
    return await handle.readFile();
  } catch (error) {
    throw readFailure(join(folder, file), error);
  }
}
