import type { SamplingParameters } from './sampling-parameters.ts';

/** The tokens of one sequence as the penalties look at them. */
export class TokenHistory {
  /** Every token id of prompt and answer. */
  readonly seen: ReadonlySet<number>;
  /** How often each token id was generated. */
  readonly generated: ReadonlyMap<number, number>;
  readonly #seen: Set<number>;
  readonly #generated = new Map<number, number>();

  constructor(prompt: Iterable<number>, generated: Iterable<number> = []) {
    this.#seen = new Set(prompt);
    this.seen = this.#seen;
    this.generated = this.#generated;
    for (const id of generated) this.add(id);
  }

  /** Counts one more generated token. */
  add(id: number): void {
    this.#seen.add(id);
    this.#generated.set(id, (this.#generated.get(id) ?? 0) + 1);
  }
}

/** True where `applyPenalties` would leave the logits as they are. */
export function isNeutral(parameters: SamplingParameters): boolean {
  return (
    parameters.repetitionPenalty === 1 &&
    parameters.presencePenalty === 0 &&
    parameters.frequencyPenalty === 0 &&
    parameters.logitBias.size === 0
  );
}

/**
 * Applies logit bias, repetition penalty, then presence and frequency penalty to `logits` (`[vocabSize]`) in
 * place.
 *
 * Order as in transformers, whose `SequenceBiasLogitsProcessor` comes before `RepetitionPenaltyLogitsProcessor`;
 * repetition penalty from Keskar et al., "CTRL" (2019), over prompt and answer; presence and frequency penalty
 * as the OpenAI API defines them, over the answer.
 */
export function applyPenalties(
  logits: Float32Array,
  parameters: SamplingParameters,
  history: TokenHistory,
): void {
  const { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias } = parameters;
  for (const [id, bias] of logitBias) logits[id] = logit(logits, id) + bias;
  if (repetitionPenalty !== 1) penaliseRepetition(logits, repetitionPenalty, history.seen);
  if (presencePenalty === 0 && frequencyPenalty === 0) return;
  for (const [id, count] of history.generated) {
    logits[id] = logit(logits, id) - presencePenalty - frequencyPenalty * count;
  }
}

function penaliseRepetition(logits: Float32Array, penalty: number, seen: ReadonlySet<number>): void {
  for (const id of seen) {
    const value = logit(logits, id);
    logits[id] = value < 0 ? value * penalty : value / penalty;
  }
}

function logit(logits: Float32Array, id: number): number {
  return logits[id] ?? Number.NaN;
}
