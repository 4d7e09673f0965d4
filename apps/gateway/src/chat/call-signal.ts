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

/** A signal that aborts with `deadline_exceeded` after a time, unless disposed before. */
export function deadline(ms: number): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const message = `The answer was not complete within ${ms} ms.`;
  const timer = setTimeout(() => controller.abort(new DiptychError('deadline_exceeded', message)), ms);
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Why a call failed: the reason of its signal where that ended it, for what breaks then is a consequence. */
export function failureOf(error: unknown, signal: AbortSignal): DiptychError {
  return toDiptychError(signal.aborted ? signal.reason : error);
}
