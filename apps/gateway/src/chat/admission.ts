import { DiptychError } from '@diptych/errors';

/** Milliseconds after which a refused caller may try again: about one short answer. */
const RETRY_AFTER_MS = 1000;

/** Bounds the requests that are answered at once, and ends them at shutdown. */
export class Admission {
  readonly #places: number;
  readonly #running = new Set<AbortController>();
  #closed = false;
  #idle = Promise.withResolvers<undefined>();

  constructor({ places }: { readonly places: number }) {
    this.#places = places;
  }

  /**
   * Takes a place. The place is free again once the result is disposed.
   *
   * @throws DiptychError `queue_full` when all places are taken, `shutting_down` after `drain` began.
   */
  enter(): Place {
    if (this.#closed) {
      throw new DiptychError(
        'shutting_down',
        'The gateway is shutting down; send the request to another one.',
        {
          retryAfterMs: RETRY_AFTER_MS,
        },
      );
    }
    if (this.#running.size >= this.#places) {
      throw new DiptychError(
        'queue_full',
        `The gateway already answers ${this.#places} requests; try again in ${RETRY_AFTER_MS / 1000} s.`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    const controller = new AbortController();
    this.#running.add(controller);
    return { signal: controller.signal, [Symbol.dispose]: () => this.#leave(controller) };
  }

  /** True once `drain` began. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Admits nobody any more; resolves when the last request ended. Those still there after `graceMs` are aborted. */
  async drain(graceMs: number): Promise<void> {
    this.#closed = true;
    if (this.#running.size === 0) return;
    const timer = setTimeout(() => this.#abort(), graceMs);
    await this.#idle.promise;
    clearTimeout(timer);
  }

  #leave(controller: AbortController): void {
    this.#running.delete(controller);
    if (this.#closed && this.#running.size === 0) this.#idle.resolve(undefined);
  }

  #abort(): void {
    const reason = new DiptychError('shutting_down', 'The gateway shut down before the answer was complete.');
    for (const controller of this.#running) controller.abort(reason);
  }
}

/** A place among the requests that are answered. Disposing it twice is harmless. */
export interface Place extends Disposable {
  /** Aborts when the gateway stops. */
  readonly signal: AbortSignal;
}
