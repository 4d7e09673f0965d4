import { DiptychError, type ErrorCode } from '@diptych/errors';

/** For `assert.throws` and `assert.rejects`: an error of this code whose message holds each of the words. */
export function coded(code: ErrorCode, ...words: readonly string[]) {
  return (error: unknown) => {
    if (!(error instanceof DiptychError) || error.code !== code) return false;
    const missing = words.filter((word) => !error.message.includes(word));
    if (missing.length > 0) throw new Error(`"${error.message}" does not name ${missing.join(', ')}`);
    return true;
  };
}
