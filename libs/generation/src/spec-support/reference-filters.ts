/** Filters of one draw. */
export interface Filters {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
}

/**
 * The filters in the plainest way: softmax and a full sort at every step, as the warpers of transformers do it.
 *
 * @returns the kept token ids with their probabilities, by ascending id
 */
export function filterPlainly(logits: readonly number[], filters: Filters): Map<number, number> {
  const { temperature, topK, topP, minP } = filters;
  let kept = softmax(new Map(logits.map((logit, id) => [id, logit / temperature])));
  if (topK > 0) kept = plainTopK(kept, topK);
  if (topP < 1) kept = plainTopP(kept, topP);
  if (minP > 0) kept = plainMinP(kept, minP);
  return normalise(new Map([...kept].toSorted(([left], [right]) => left - right)));
}

function plainTopK(tokens: Map<number, number>, k: number): Map<number, number> {
  const limit = [...tokens.values()].toSorted((left, right) => right - left)[k - 1] ?? 0;
  return keep(tokens, (probability) => probability >= limit);
}

function plainTopP(tokens: Map<number, number>, p: number): Map<number, number> {
  const ascending = [...normalise(tokens)].toSorted(([a, left], [b, right]) => left - right || b - a);
  let sum = 0;
  const kept = ascending.filter(([, probability], i) => {
    sum += probability;
    return sum > 1 - p || i === ascending.length - 1;
  });
  return new Map(kept);
}

function plainMinP(tokens: Map<number, number>, minP: number): Map<number, number> {
  const limit = minP * Math.max(...tokens.values());
  return keep(tokens, (probability) => probability >= limit);
}

function softmax(logits: Map<number, number>): Map<number, number> {
  const largest = Math.max(...logits.values());
  return normalise(new Map([...logits].map(([id, logit]) => [id, Math.exp(logit - largest)])));
}

function normalise(weights: Map<number, number>): Map<number, number> {
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  return new Map([...weights].map(([id, weight]) => [id, weight / total]));
}

function keep(tokens: Map<number, number>, accept: (probability: number) => boolean): Map<number, number> {
  return new Map([...tokens].filter(([, probability]) => accept(probability)));
}
