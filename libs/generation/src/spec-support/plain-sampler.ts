import type { PositionLogprobs } from '../logprobs.ts';
import { applyPenalties } from '../penalties.ts';
import { uniformAt } from '../random.ts';
import type { Choice, SampledToken } from '../sampler.ts';
import type { SamplingParameters } from '../sampling-parameters.ts';

/** A token that may be chosen, and its unnormalised probability. */
interface Candidate {
  readonly id: number;
  readonly weight: number;
}

/** Chooses a token in the plainest way: every number is looked at, `Math.exp` weighs, filters sort all. */
export function samplePlainly(logits: Float32Array, choice: Choice): SampledToken {
  const { parameters, history, banned } = choice;
  const adjusted = Float32Array.from(logits);
  applyPenalties(adjusted, parameters, history);
  for (const id of banned) adjusted[id] = -Infinity;
  const id = choosePlainly([...adjusted], choice);
  if (parameters.logprobs === undefined) return { id };
  return { id, logprobs: logprobsPlainly([...logits], id, parameters.logprobs) };
}

function choosePlainly(logits: readonly number[], { parameters, index }: Choice): number {
  const top = largestOf(logits);
  if (parameters.temperature === 0) return logits.indexOf(top);
  const { temperature, topK } = parameters;
  const lowest = topK === 0 ? -Infinity : (logits.toSorted((a, b) => b - a)[topK - 1] ?? -Infinity);
  const weights = logits.map((logit, id) => ({
    id,
    weight: logit < lowest ? 0 : Math.exp((logit - top) / temperature),
  }));
  const candidates = weights.filter(({ weight }) => weight > 0);
  const kept = keepMinP(keepTopP(candidates, parameters), parameters);
  const target = uniformAt(parameters.seed, index) * totalOf(kept);
  let sum = 0;
  const drawn = kept.find(({ weight }) => (sum += weight) > target);
  return (drawn ?? kept.at(-1))?.id ?? -1;
}

function keepTopP(candidates: readonly Candidate[], { topP }: SamplingParameters): Candidate[] {
  if (topP === 1) return [...candidates];
  const mass = topP * totalOf(candidates);
  let sum = 0;
  const kept = byWeight(candidates).filter(({ weight }) => {
    const before = sum;
    sum += weight;
    return before < mass;
  });
  return kept.toSorted((left, right) => left.id - right.id);
}

function keepMinP(candidates: readonly Candidate[], { minP }: SamplingParameters): Candidate[] {
  return candidates.filter(({ weight }) => weight >= minP);
}

function logprobsPlainly(logits: readonly number[], id: number, count: number): PositionLogprobs {
  const top = largestOf(logits);
  const normaliser = top + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0));
  const entry = (token: number) => ({ id: token, logprob: (logits[token] ?? 0) - normaliser });
  const sorted = [...logits.keys()].toSorted((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
  return { chosen: entry(id), top: sorted.slice(0, count).map(entry) };
}

/** Heaviest first, of equal ones the lower id first. */
function byWeight(candidates: readonly Candidate[]): Candidate[] {
  return candidates.toSorted((left, right) => right.weight - left.weight || left.id - right.id);
}

function totalOf(candidates: readonly Candidate[]): number {
  return candidates.reduce((sum, { weight }) => sum + weight, 0);
}

function largestOf(values: readonly number[]): number {
  return values.reduce((largest, value) => Math.max(largest, value), -Infinity);
}
