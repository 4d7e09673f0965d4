import type { LogitRow } from './logit-row.ts';

/** A token id and the natural logarithm of its probability. */
export interface TokenLogprob {
  readonly id: number;
  readonly logprob: number;
}

/** Log probabilities at one position. */
export interface PositionLogprobs {
  readonly chosen: TokenLogprob;
  /** The most likely tokens, best first; of equal ones the lower id first. */
  readonly top: readonly TokenLogprob[];
}

/** Log-softmax at one position, of a token that is still to be chosen and of the most likely ones. */
export interface LogSoftmax {
  readonly top: readonly TokenLogprob[];
  of(id: number): TokenLogprob;
}

/**
 * Log-softmax of the model's own logits, before penalties, temperature and filters.
 *
 * @param count how many of the most likely tokens to tell
 * @param logits `[vocabSize]`, those of `row`; read when a token is asked for
 */
export function logSoftmax(row: LogitRow, count: number, logits: Float32Array): LogSoftmax {
  const { top } = row;
  const normaliser = top + Math.log(row.weigh({ top, temperature: 1 }));
  const of = (id: number) => ({ id, logprob: (logits[id] ?? Number.NaN) - normaliser });
  return { top: mostLikely(row, count).map(of), of };
}

/** Ids of the `count` largest logits, largest first; of equal ones the lower id first. */
function mostLikely(row: LogitRow, count: number): number[] {
  if (count === 0) return [];
  const { values } = row;
  const ids = row.idsAtLeast(row.lowerBound(count));
  const byValue = (left: number, right: number) => (values[right] ?? 0) - (values[left] ?? 0) || left - right;
  return [...ids].sort(byValue).slice(0, count);
}
