import { create } from '@bufbuild/protobuf';
import {
  type ChatTimings,
  ChatTimingsSchema,
  type LanguageTimings,
  type VisionTimings,
} from '@diptych/contract';
import { Stopwatch } from '@diptych/telemetry';

/** Collects where the time of one answer went. Parts that ran side by side count once, with the longest. */
export class AnswerTimings {
  readonly #watch = new Stopwatch();
  readonly #timings = create(ChatTimingsSchema);

  /** An image was obtained in this many milliseconds. */
  fetched(ms: number): void {
    this.#atLeast('fetchMs', ms);
  }

  /** An image was encoded. */
  encoded(vision: VisionTimings | undefined): void {
    this.#atLeast('decodeResizeMs', vision?.decodeResizeMs ?? 0);
    this.#atLeast('encodeMs', (vision?.queueMs ?? 0) + (vision?.encodeMs ?? 0));
  }

  /** Text arrived; only the first one counts. */
  spoke(): void {
    if (this.#timings.ttftMs === 0) this.#timings.ttftMs = this.#watch.elapsedMs();
  }

  /** A generation ended. */
  generated(language: LanguageTimings | undefined): void {
    this.spoke();
    this.#atLeast('queueMs', language?.queueMs ?? 0);
    this.#atLeast('prefillMs', language?.prefillMs ?? 0);
    this.#atLeast('decodeMs', language?.decodeMs ?? 0);
  }

  /** What was collected so far. */
  get collected(): ChatTimings {
    return this.#timings;
  }

  #atLeast(field: Exclude<keyof ChatTimings, `$${string}`>, ms: number): void {
    this.#timings[field] = Math.max(this.#timings[field], ms);
  }
}
