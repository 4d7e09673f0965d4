import { setTimeout } from 'node:timers/promises';
import { DiptychError } from '@diptych/errors';

/** Something that may go well when it is tried again: a broken connection, a hub that is busy or down. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  /** How long the hub asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** How often and how soon something is tried again. */
export interface RetryOptions {
  /** Failures in a row, without progress between them, after which it is given up. */
  readonly maxFailures: number;
  /** Wait after the first failure, in milliseconds; it doubles with each further one. */
  readonly firstWaitMs: number;
}

/** As in huggingface_hub: five tries more. Together the waits bridge about a quarter of a minute. */
export const USUAL_RETRIES: RetryOptions = { maxFailures: 6, firstWaitMs: 500 };

/** The windows of the hub's rate limits are five minutes: a longer wait is not worth holding a terminal for. */
const LONGEST_WAIT_MS = 300_000;

/**
 * Tries something until it goes well, it fails for good, or it was interrupted too often.
 *
 * @param attempt Throws an Interruption where another try may help. It may call `progressed`, which forgives what
 *   failed before.
 * @throws DiptychError `hub_unavailable` where it is given up; the signal's reason; whatever else `attempt` throws.
 */
export async function withRetries<T>(
  attempt: (progressed: () => void) => Promise<T>,
  options: RetryOptions & {
    readonly signal?: AbortSignal | undefined;
    readonly onMessage?: (text: string) => void;
  },
): Promise<T> {
  let failures = 0;
  for (;;) {
    try {
      return await attempt(() => (failures = 0));
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof Interruption)) throw error;
      failures += 1;
      const wait = error.retryAfterMs ?? options.firstWaitMs * 2 ** (failures - 1);
      if (failures >= options.maxFailures || wait > LONGEST_WAIT_MS) throw givenUp(error, failures);
      options.onMessage?.(`${error.message}; trying again in ${Math.ceil(wait / 1000)} s.`);
      await pause(wait, options.signal);
    }
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return setTimeout(milliseconds);
  await setTimeout(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function givenUp(error: Interruption, failures: number): DiptychError {
  const { retryAfterMs } = error;
  const advice =
    retryAfterMs === undefined ? 'try again later' : `try again in ${Math.ceil(retryAfterMs / 1000)} s`;
  const tries = failures === 1 ? '' : ` (tried ${failures} times)`;
  return new DiptychError('hub_unavailable', `${error.message}${tries}; ${advice}.`, {
    cause: error,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}
