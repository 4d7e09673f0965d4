import { basename, dirname } from 'node:path';
import { DiptychError } from '@diptych/errors';

/** A file of a checkpoint that does not hold what it must; the message begins with the file's name. */
export function invalidFile(
  file: string,
  problem: string,
  options: { param?: string; cause?: unknown } = {},
) {
  return new DiptychError('checkpoint_invalid', `${file}: ${problem}`, options);
}

/** The code of a system error (`ENOENT`, `EACCES`), undefined for any other value. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * What to throw when a checkpoint's file could not be read: `checkpoint_file_missing` or `checkpoint_invalid` for a
 * system error, the error itself otherwise.
 */
export function readFailure(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof DiptychError || code === undefined) return error;
  const file = basename(path);
  if (code !== 'ENOENT') return invalidFile(file, `cannot be read (${code}).`, { cause: error });
  const message = `${dirname(path)} has no ${file}; download the checkpoint again, with every file.`;
  return new DiptychError('checkpoint_file_missing', message, { param: file, cause: error });
}
