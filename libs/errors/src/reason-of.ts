import { DiptychError } from './diptych-error.ts';

/** Why a signal aborted, as an error: its reason where that is one, else `cancelled`. */
export function reasonOf(signal: AbortSignal): Error {
  if (signal.reason instanceof Error) return signal.reason;
  return new DiptychError('cancelled', 'The caller cancelled.', { cause: signal.reason });
}
