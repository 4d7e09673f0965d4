import { DiptychError } from '@diptych/errors';
import type { Pointer } from './api.ts';

/**
 * Owns one native object and releases it exactly once.
 *
 * Disposal forbids further use at once; the native release waits until every use that began before has ended, so
 * nothing is freed under a running call.
 */
export class NativeHandle implements Disposable {
  readonly #what: string;
  readonly #pointer: Pointer;
  readonly #release: (pointer: Pointer) => void;
  #uses = 0;
  #disposed = false;

  /** `what` names the object in errors, `release` frees it. */
  constructor(what: string, pointer: Pointer, release: (pointer: Pointer) => void) {
    this.#what = what;
    this.#pointer = pointer;
    this.#release = release;
  }

  /**
   * The native address, for a call that ends before control returns to the event loop.
   *
   * @throws DiptychError `runtime_failed` after disposal.
   */
  get pointer(): Pointer {
    this.assertUsable();
    return this.#pointer;
  }

  /** @throws DiptychError `runtime_failed` after disposal. */
  assertUsable(): void {
    if (!this.#disposed) return;
    throw new DiptychError('runtime_failed', `This ${this.#what} was disposed of already.`);
  }

  /**
   * Keeps the native object alive until the returned use is disposed of.
   *
   * @throws DiptychError `runtime_failed` after disposal.
   */
  use(): Disposable {
    this.assertUsable();
    this.#uses += 1;
    return { [Symbol.dispose]: () => this.#endUse() };
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#releaseUnlessUsed();
  }

  #endUse(): void {
    this.#uses -= 1;
    if (this.#disposed) this.#releaseUnlessUsed();
  }

  #releaseUnlessUsed(): void {
    if (this.#uses === 0) this.#release(this.#pointer);
  }
}
