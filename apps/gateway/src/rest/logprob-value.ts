/** Smallest log probability that is sent, OpenAI's own: JSON has no minus infinity. */
const LEAST_LOGPROB = -9999;

/** A log probability as JSON can hold it. */
export function logprobValue(logprob: number | undefined): number {
  return Math.max(logprob ?? LEAST_LOGPROB, LEAST_LOGPROB);
}
