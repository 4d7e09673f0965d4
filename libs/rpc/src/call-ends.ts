import { DiptychError, reasonOf } from '@diptych/errors';
import type { CallOptions } from './service-types.ts';

/** When a call with these limits ends, in milliseconds since 1970; Infinity where nothing limits it. */
export function endOf({ deadline, timeoutMs }: CallOptions): number {
  return Math.min(
    deadline?.getTime() ?? Infinity,
    timeoutMs === undefined ? Infinity : Date.now() + timeoutMs,
  );
}

/** What a call throws whose caller's signal aborted: the reason where it is a DiptychError, else `cancelled`. */
export function cancellation(signal: AbortSignal): DiptychError {
  if (signal.reason instanceof DiptychError) return signal.reason;
  return new DiptychError('cancelled', 'The call was cancelled.', { cause: signal.reason });
}

/** Settles as `work` does, or rejects with the signal's reason before that. Nothing stays behind on the signal. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(reasonOf(signal));
    const stay = () => signal.removeEventListener('abort', leave);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(stay);
  });
}
