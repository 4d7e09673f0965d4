import { reasonOf } from '@diptych/errors';

/** A bounded number of permits, given out in the order in which they were asked for. */
export class Permits {
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a permit, waiting for one where none is free. Rejects with the signal's reason when it aborts first. */
  acquire(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(reasonOf(signal));
      if (this.#free > 0) {
        this.#free -= 1;
        return resolve();
      }
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== take);
        reject(reasonOf(signal));
      };
      const take = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(take);
    });
  }

  /** Gives a permit back. */
  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
