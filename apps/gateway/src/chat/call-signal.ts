import type { ServerResponse } from 'node:http';
import { DiptychError, toDiptychError } from '@diptych/errors';

/** A signal that aborts when the other side of a response goes away; also once the response is complete. */
export function clientGone(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const leave = () => controller.abort(new DiptychError('cancelled', 'The client went away.'));
  if (response.destroyed) leave();
  else response.once('close', leave);
  return controller.signal;
}

/** How long a call may go on; passed on to each stage. */
export interface CallEnd {
  /** Ends everything downstream. */
  readonly signal: AbortSignal;
  /** When the answer is waited for no longer; absent where nothing limits it. */
  readonly deadline?: Date | undefined;
}

/** What ends a call from outside. */
export interface Ends {
  /** Milliseconds that it may take. */
  readonly timeoutMs: number;
  /** Until when its caller waits, where that is known. */
  readonly deadline?: Date | undefined;
  readonly signals: readonly AbortSignal[];
}

/** The first of several ends. Its signal aborts with `deadline_exceeded` after the time, unless disposed before. */
export function callEnd({ timeoutMs, deadline, signals }: Ends): CallEnd & Disposable {
  const controller = new AbortController();
  const message = `The answer was not complete within ${timeoutMs} ms.`;
  const timer = setTimeout(() => controller.abort(new DiptychError('deadline_exceeded', message)), timeoutMs);
  // One controller, not AbortSignal.any: such a signal asks all of its sources each time that it is looked at.
  const leave = joinSignals(controller, signals);
  return {
    signal: controller.signal,
    deadline: new Date(Math.min(Date.now() + timeoutMs, deadline?.getTime() ?? Infinity)),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      leave();
    },
  };
}

/** Aborts the controller with the first of the signals, now or later, until what is returned is called. */
function joinSignals(controller: AbortController, signals: readonly AbortSignal[]): () => void {
  const joined = signals.map((signal) => {
    const abort = () => controller.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    return { signal, abort };
  });
  return () => {
    for (const { signal, abort } of joined) signal.removeEventListener('abort', abort);
  };
}

/** Why a call failed: the reason of its signal where that ended it, for what breaks then is a consequence. */
export function failureOf(error: unknown, signal: AbortSignal): DiptychError {
  return toDiptychError(signal.aborted ? signal.reason : error);
}
