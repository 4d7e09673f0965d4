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
  return { chosen: entry(chosen), top: mostLikely(logits, count).map(entry) };
}

function logSumExp(logits: Float32Array): number {
  let largest = -Infinity;
  for (const logit of logits) if (logit > largest) largest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  return largest + Math.log(sum);
}

/** Ids of the `count` largest logits by insertion: `count` is at most 20, so almost every token costs one look. */
function mostLikely(logits: Float32Array, count: number): number[] {
  const best: { id: number; logit: number }[] = [];
  let worst = -Infinity;
  logits.forEach((logit, id) => {
    if (count === 0 || (best.length === count && logit <= worst)) return;
    const place = best.findLastIndex((other) => other.logit >= logit) + 1;
    best.splice(place, 0, { id, logit });
    if (best.length > count) best.pop();
    worst = best.at(-1)?.logit ?? -Infinity;
  });
  return best.map(({ id }) => id);
}
