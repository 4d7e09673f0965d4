import { Interruption } from './interruption.ts';

/**
 * Gives up what takes too long: its signal aborts with an Interruption when nobody touches it for some time, and with
 * the caller's own reason when the caller aborts.
 */
export class Watchdog implements Disposable {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(outer: AbortSignal | undefined) {
    const own = this.#controller.signal;
    this.signal = outer ? AbortSignal.any([own, outer]) : own;
  }

  /** From now on so many milliseconds may pass between two touches; `message` says what took longer. */
  allow(milliseconds: number, message: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(new Interruption(message)), milliseconds);
  }

  /** Says that something has come. */
  touch(): void {
    this.#timer?.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** An answer whose body may still be coming. Disposing it ends the transfer. */
export class HubAnswer implements AsyncDisposable {
  readonly status: number;
  readonly headers: Headers;
  /** Where it came from, after redirects; for messages, as an address may hold a signature. */
  readonly host: string;
  readonly #body: ReadableStream<Uint8Array> | null;
  readonly #watchdog: Watchdog;
  readonly #outer: AbortSignal | undefined;

  /** @param watchdog Becomes this answer's own; it is touched whenever bytes come. */
  constructor(response: Response, host: string, watchdog: Watchdog, outer: AbortSignal | undefined) {
    this.status = response.status;
    this.headers = response.headers;
    this.host = host;
    this.#body = response.body;
    this.#watchdog = watchdog;
    this.#outer = outer;
  }

  /**
   * The body as it comes.
   *
   * @throws Interruption where the connection breaks or falls silent; the caller's reason where that one aborted.
   */
  async *chunks(): AsyncGenerator<Uint8Array> {
    if (!this.#body) return;
    try {
      for await (const chunk of this.#body) {
        this.#watchdog.touch();
        yield chunk;
      }
    } catch (error) {
      throw connectionFailure(error, this.host, this.#outer);
    }
  }

  /** The body as text; undefined where it has more than `maxBytes`. Throws as `chunks`. */
  async text(maxBytes: number): Promise<string | undefined> {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of this.chunks()) {
      bytes += chunk.length;
      if (bytes > maxBytes) return undefined;
      parts.push(chunk);
    }
    return Buffer.concat(parts).toString('utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watchdog[Symbol.dispose]();
    // A body that was read or has failed cannot be cancelled, and need not be.
    await this.#body?.cancel().catch(() => undefined);
  }
}

/** What a failed request or transfer means: an Interruption, or the reason of a caller that aborted. */
export function connectionFailure(error: unknown, host: string, outer: AbortSignal | undefined): unknown {
  if (outer?.aborted) return outer.reason;
  if (error instanceof Interruption) return error;
  return new Interruption(`The connection to ${host} failed (${reasonOf(error)})`, { cause: error });
}

/** fetch says "fetch failed" or "terminated"; what happened is in the cause, at times behind an AggregateError. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.message;
}
