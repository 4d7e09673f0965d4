import { statfs } from 'node:fs/promises';
import { DiptychError } from '@diptych/errors';
import { systemCode } from '../failures.ts';
import { describeBytes } from './pull-progress.ts';

/**
 * Refuses a download that cannot fit.
 *
 * @throws DiptychError `configuration_invalid` naming the folder, what is needed and what is free.
 */
export async function checkSpace(folder: string, neededBytes: number): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(folder);
  // Some network file systems tell nothing at all.
  if (blocks === 0 || neededBytes <= bavail * bsize) return;
  const message = `The download needs ${describeBytes(neededBytes)} more, but only ${describeBytes(bavail * bsize)} are free in ${folder}; ${ADVICE}.`;
  throw new DiptychError('configuration_invalid', message, { param: 'HF_HUB_CACHE' });
}

/** What to throw where the cache could not be written: a coded error for what its user can change, else the error. */
export function cacheFailure(folder: string, error: unknown): unknown {
  const code = systemCode(error) ?? '';
  if (error instanceof DiptychError || !UNWRITABLE.includes(code)) return error;
  const message = `The hub's cache ${folder} cannot be written (${code}); ${ADVICE}. What came whole is kept.`;
  return new DiptychError('configuration_invalid', message, { param: 'HF_HUB_CACHE', cause: error });
}

const ADVICE =
  'make room, or set HF_HUB_CACHE or HF_HOME to a folder where there is some that you may write to';

const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EFBIG', 'ENOTDIR', 'EEXIST', 'EISDIR'];
