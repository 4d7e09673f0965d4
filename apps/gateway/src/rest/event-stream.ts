import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { DiptychError } from '@diptych/errors';

/** Milliseconds that a reader may leave a full buffer untouched: beyond any pause of a network that works. */
const SLOW_READER_MS = 30_000;

type Headers = Readonly<Record<string, string | number | string[] | undefined>>;

/** What a stream of events needs. */
export interface EventStreamOptions {
  /** Ends the waits for the reader. */
  readonly signal: AbortSignal;
  /** Added to those of an event stream. */
  readonly headers?: Headers;
  /** How long a reader may stop; for specs. */
  readonly patienceMs?: number;
}

/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) on a response whose
 * head is not yet sent. A write waits while the reader lags, so little is ever buffered.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #signal: AbortSignal;
  readonly #patienceMs: number;
  /** The wait for a reader that lags, one for all who send meanwhile. */
  #drained: Promise<void> | undefined;

  /** Sends the head. */
  constructor(
    response: ServerResponse,
    { signal, headers = {}, patienceMs = SLOW_READER_MS }: EventStreamOptions,
  ) {
    this.#response = response;
    this.#signal = signal;
    this.#patienceMs = patienceMs;
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      // Proxies of the nginx kind would collect the whole answer first.
      'x-accel-buffering': 'no',
    });
  }

  /**
   * Sends one event.
   *
   * @throws DiptychError `slow_reader`; the signal's reason.
   */
  async send(data: string): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#response.write(`data: ${data}\n\n`)) return;
    this.#drained ??= this.#drain().finally(() => {
      this.#drained = undefined;
    });
    await this.#drained;
  }

  /** Sends a last event, where the reader is still there, and closes. */
  end(data: string): void {
    if (this.#response.writableNeedDrain) this.#response.destroy();
    else this.#response.end(`data: ${data}\n\n`);
  }

  async #drain(): Promise<void> {
    const signal = this.#signal;
    const patience = AbortSignal.timeout(this.#patienceMs);
    try {
      await once(this.#response, 'drain', { signal: AbortSignal.any([signal, patience]) });
    } catch (error) {
      signal.throwIfAborted();
      if (!patience.aborted) throw error;
      throw new DiptychError('slow_reader', `The stream was not read for ${this.#patienceMs} ms.`);
    }
  }
}
