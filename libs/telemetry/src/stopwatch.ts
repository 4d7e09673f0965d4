/**
 * Measures the steps of one piece of work in milliseconds, on a clock that never goes back.
 *
 * @example
 * const watch = new Stopwatch();
 * await prepare();
 * timings.decodeResizeMs = watch.lap();
 * await encode();
 * timings.encodeMs = watch.lap();
 */
export class Stopwatch {
  readonly #now: () => number;
  readonly #started: number;
  #lapped: number;

  /** Starts. `now` is a clock in milliseconds, for specs. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#started = now();
    this.#lapped = this.#started;
  }

  /** Milliseconds since the start. */
  elapsedMs(): number {
    return this.#now() - this.#started;
  }

  /** Milliseconds since the last lap, or since the start for the first; begins the next lap. */
  lap(): number {
    const now = this.#now();
    const lap = now - this.#lapped;
    this.#lapped = now;
    return lap;
  }
}
