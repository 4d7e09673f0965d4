import { reasonOf } from '@diptych/errors';
import { LRUCache } from 'lru-cache';

/** Anything whose size in bytes is known. */
export interface Sized {
  readonly byteLength: number;
}

/** What was found or made. */
export interface CacheAnswer<Value> {
  readonly value: Value;
  /** True where the value was already there, false where it was made for this caller or one beside it. */
  readonly hit: boolean;
}

/** Bytes that an entry costs besides its value: key, list links and map slots. */
const ENTRY_BYTES = 512;

/**
 * Content-addressed cache, bounded in bytes, least recently used out first. Callers that ask for the same key at
 * the same time share one piece of work; it is cancelled only once all of them are gone.
 */
export class EmbeddingCache<Value extends Sized> {
  readonly #kept: LRUCache<string, Value> | undefined;
  readonly #making = new Map<string, Making<Value>>();

  /** `maxBytes` 0 keeps nothing, but work is shared all the same. */
  constructor(options: { readonly maxBytes: number }) {
    const { maxBytes } = options;
    this.#kept =
      maxBytes === 0
        ? undefined
        : new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ byteLength }) => byteLength + ENTRY_BYTES });
  }

  /** The value of `key`, made by `make` where it is not kept. Rejects with the signal's reason when it aborts. */
  async get(
    key: string,
    signal: AbortSignal,
    make: (signal: AbortSignal) => Promise<Value>,
  ): Promise<CacheAnswer<Value>> {
    signal.throwIfAborted();
    const kept = this.#kept?.get(key);
    if (kept !== undefined) return { value: kept, hit: true };
    const making = this.#making.get(key) ?? this.#start(key, make);
    return { value: await this.#wait(key, making, signal), hit: false };
  }

  #start(key: string, make: (signal: AbortSignal) => Promise<Value>): Making<Value> {
    const controller = new AbortController();
    const making: Making<Value> = { controller, waiters: 0, value: make(controller.signal) };
    this.#making.set(key, making);
    making.value.then(
      (value) => {
        this.#forget(key, making);
        this.#kept?.set(key, value);
      },
      () => this.#forget(key, making),
    );
    return making;
  }

  async #wait(key: string, making: Making<Value>, signal: AbortSignal): Promise<Value> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const leave = () => reject(reasonOf(signal));
    signal.addEventListener('abort', leave, { once: true });
    making.waiters += 1;
    try {
      return await Promise.race([making.value, aborted]);
    } finally {
      signal.removeEventListener('abort', leave);
      making.waiters -= 1;
      if (making.waiters === 0) this.#abandon(key, making);
    }
  }

  /** Cancels work that nobody waits for; a later caller starts anew. Without effect on finished work. */
  #abandon(key: string, making: Making<Value>): void {
    this.#forget(key, making);
    making.controller.abort();
  }

  #forget(key: string, making: Making<Value>): void {
    if (this.#making.get(key) === making) this.#making.delete(key);
  }
}

interface Making<Value> {
  readonly controller: AbortController;
  readonly value: Promise<Value>;
  waiters: number;
}
