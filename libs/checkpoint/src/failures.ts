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
