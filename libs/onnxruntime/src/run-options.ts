import { api } from './api.ts';
import { NativeHandle } from './native-handle.ts';
import { check, create } from './status.ts';

/** Native OrtRunOptions whose terminate flag follows an abort signal, for one run. */
export class RunOptions implements Disposable {
  readonly #signal: AbortSignal;
  readonly #handle = new NativeHandle(
    'run options object',
    create((out) => api().createRunOptions(out)),
    (pointer) => api().releaseRunOptions(pointer),
  );
  readonly #terminate = (): void => check(api().runOptionsSetTerminate(this.#handle.pointer));

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#terminate, { once: true });
  }

  get pointer(): bigint {
    return this.#handle.pointer;
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#terminate);
    this.#handle[Symbol.dispose]();
  }
}
