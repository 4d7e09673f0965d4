import { indicesOfLargest, largest } from './selection.ts';

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

/**
 * Log-softmax of the model's own logits (`[vocabSize]`), before penalties, temperature and filters: of the
 * chosen token and of the `count` most likely ones.
 */
export function logprobsOf(logits: Float32Array, chosen: number, count: number): PositionLogprobs {
  const normaliser = logSumExp(logits);
  const entry = (id: number) => ({ id, logprob: (logits[id] ?? Number.NaN) - normaliser });
  return { chosen: entry(chosen), top: indicesOfLargest(logits, count).map(entry) };
}

function logSumExp(logits: Float32Array): number {
  const top = largest(logits);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] ?? 0) - top);
  return top + Math.log(sum);
}
