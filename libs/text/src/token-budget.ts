import { DiptychError } from '@diptych/errors';

/** Counts tokens while a prompt is encoded, so that a text far too long is refused before the work is done. */
export class TokenBudget {
  readonly #limit: number;
  #used = 0;

  /** @param limit most tokens; Infinity for no limit */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts tokens. Throws `context_length_exceeded` once there are too many. */
  use(count: number): void {
    this.require(count);
    this.#used += count;
  }

  /** Throws `context_length_exceeded` where at least `count` more tokens would be too many. */
  require(count: number): void {
    if (this.#used + count <= this.#limit) return;
    throw new DiptychError(
      'context_length_exceeded',
      `The prompt has more than ${this.#limit} tokens, the most that are accepted; shorten it.`,
      { param: 'messages' },
    );
  }
}
