import { DiptychError, toDiptychError } from '@diptych/errors';
import { cancellation, endOf } from './call-ends.ts';
import { LONGEST_TIMER_MS } from './limits.ts';
import type { CallContext, CallOptions } from './service-types.ts';

/** One call in this process as its handler sees it: joins caller, deadline and the client's end into one signal. */
export class LocalCall implements CallContext, Disposable {
  readonly deadline: Date | undefined;
  readonly #caller: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;

  /** Begins. @throws DiptychError where the caller's signal has aborted already. */
  constructor(options: CallOptions) {
    this.#caller = options.signal;
    if (this.#caller?.aborted) throw cancellation(this.#caller);
    const end = endOf(options);
    if (end !== Infinity) this.deadline = new Date(end);
    const left = Math.max(0, end - Date.now());
    if (left <= LONGEST_TIMER_MS) this.#timer = setTimeout(() => this.abort(deadlinePassed()), left);
    this.#caller?.addEventListener('abort', this.#leave, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: DiptychError): void {
    this.#controller.abort(reason);
  }

  /** What the caller gets for a failure: what follows from an abort is told by its reason. */
  failure(error: unknown): DiptychError {
    const follows = !(error instanceof DiptychError) || error.code === 'cancelled';
    return toDiptychError(this.signal.aborted && follows ? this.signal.reason : error);
  }

  /** Ends the call, for the handler too where it still runs. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#leave);
    this.abort(new DiptychError('cancelled', 'The call is over.'));
  }

  readonly #leave = (): void => {
    if (this.#caller) this.abort(cancellation(this.#caller));
  };
}

function deadlinePassed(): DiptychError {
  return new DiptychError('deadline_exceeded', 'The deadline of the call passed.');
}
