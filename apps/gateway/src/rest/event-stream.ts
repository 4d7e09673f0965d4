import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { DiptychError } from '@diptych/errors';

/** Milliseconds that a reader may leave a full buffer untouched: beyond any pause of a network that works. */
const SLOW_READER_MS = 30_000;

type Headers = Readonly<Record<string, string | number | string[] | undefined>>;

/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) on a response whose
 * head is not yet sent. A write waits while the reader lags, so little is ever buffered.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #patienceMs: number;

  /** Sends the head. `headers` are added to those of an event stream; `patienceMs` is for specs. */
  constructor(response: ServerResponse, headers: Headers = {}, patienceMs = SLOW_READER_MS) {
    this.#patienceMs = patienceMs;
    this.#response = response;
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
  async send(data: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#response.write(`data: ${data}\n\n`)) return;
    const patience = AbortSignal.timeout(this.#patienceMs);
    try {
      await once(this.#response, 'drain', { signal: AbortSignal.any([signal, patience]) });
    } catch (error) {
      signal.throwIfAborted();
      if (!patience.aborted) throw error;
      throw new DiptychError('slow_reader', `The stream was not read for ${this.#patienceMs} ms.`);
    }
  }

  /** Sends a last event, where the reader is still there, and closes. */
  end(data: string): void {
    if (this.#response.writableNeedDrain) this.#response.destroy();
    else this.#response.end(`data: ${data}\n\n`);
  }
}
