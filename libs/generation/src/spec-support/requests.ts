import type { DiptychError } from '@diptych/errors';
import type { Engine } from '../engine.ts';
import type { Generation, SequenceRequest, SequenceSummary, TokenEvent } from '../request.ts';
import type { PartialSampling } from '../sampling-parameters.ts';
import { validateSampling } from '../validate-sampling.ts';

/** The end token of the specs' vocabulary. */
export const END = 1;

/** A greedy request of ten tokens over a prompt without images. */
export function request(
  promptIds: readonly number[],
  sampling: PartialSampling = {},
  others: Partial<SequenceRequest> = {},
): SequenceRequest {
  return {
    promptIds: Int32Array.from(promptIds),
    imagePositions: new Int32Array(),
    imageFeatures: new Float32Array(),
    images: [],
    sampling: validateSampling({ temperature: 0, maxTokens: 10, ignoreEos: true, ...sampling }),
    endTokenIds: [END],
    resumeIds: new Int32Array(),
    cacheSalt: '',
    ...others,
  };
}

/** What the specs look at of a sequence. */
export interface Watched {
  readonly generation: Generation;
  readonly ids: number[];
  readonly events: TokenEvent[];
  /** Resolves when the sequence ends well. */
  readonly finished: Promise<SequenceSummary>;
  /** Resolves with the error when it fails. */
  readonly failed: Promise<DiptychError>;
}

/** Submits a request and collects what its listener hears. */
export function watch(
  engine: Engine,
  wanted: SequenceRequest,
  onToken: (event: TokenEvent) => 'continue' | 'stop' = () => 'continue',
): Watched {
  const events: TokenEvent[] = [];
  const ids: number[] = [];
  const finished = Promise.withResolvers<SequenceSummary>();
  const failed = Promise.withResolvers<DiptychError>();
  finished.promise.catch(() => undefined);
  const generation = engine.submit(wanted, {
    token: (event) => {
      events.push(event);
      ids.push(event.id);
      return onToken(event);
    },
    finished: finished.resolve,
    failed: (error) => {
      failed.resolve(error);
      finished.reject(error);
    },
  });
  return { generation, ids, events, finished: finished.promise, failed: failed.promise };
}

/** The new tokens of a request, when it ended well. */
export async function generate(engine: Engine, wanted: SequenceRequest): Promise<number[]> {
  const watched = watch(engine, wanted);
  await watched.finished;
  return watched.ids;
}

/** Resolves when the engine has no work left. */
export async function idle(engine: Engine): Promise<void> {
  while (engine.load.queued + engine.load.active > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
