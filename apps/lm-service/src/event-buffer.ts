import { DiptychError } from '@diptych/errors';

/**
 * Events between a producer that never waits and a reader that may: bounded, in order, then an end or an error.
 * One reader.
 */
export class EventBuffer<Event> implements AsyncIterable<Event> {
  readonly #limit: number;
  readonly #events: Event[] = [];
  #end: { readonly error?: DiptychError } | undefined;
  #wake: (() => void) | undefined;

  /** `limit`: most events that wait for the reader. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds an event; false where there is no room, which ends the buffer with `slow_reader`. Nothing after the end. */
  push(event: Event): boolean {
    if (this.#end !== undefined) return false;
    if (this.#events.length >= this.#limit) {
      this.end(tooSlow(this.#limit));
      return false;
    }
    this.#events.push(event);
    this.#wake?.();
    return true;
  }

  /** Ends the buffer after what is in it, with an error where one is given. The first end counts. */
  end(error?: DiptychError): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) yield event;
      else if (this.#end === undefined) await this.#more();
      else if (this.#end.error === undefined) return;
      else throw this.#end.error;
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function tooSlow(limit: number): DiptychError {
  return new DiptychError(
    'slow_reader',
    `The answer was cut off because ${limit} of its events were not read; read the stream as it comes.`,
  );
}
