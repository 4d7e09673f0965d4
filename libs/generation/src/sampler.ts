import assert from 'node:assert/strict';
import { DiptychError } from '@diptych/errors';
import { Candidates } from './candidates.ts';
import { logprobsOf, type PositionLogprobs } from './logprobs.ts';
import { applyPenalties, isNeutral, type TokenHistory } from './penalties.ts';
import { uniformAt } from './random.ts';
import type { SamplingParameters } from './sampling-parameters.ts';

/** What one choice depends on, besides the logits. */
export interface Choice {
  readonly parameters: SamplingParameters;
  /** Tokens of the sequence so far. Only read. */
  readonly history: TokenHistory;
  /** Index of the token in the answer, from 0: picks the random number. */
  readonly index: number;
  /** Token ids that may not be chosen here. */
  readonly banned: Iterable<number>;
}

/** A chosen token. */
export interface SampledToken {
  readonly id: number;
  /** Present where the parameters ask for log probabilities. */
  readonly logprobs?: PositionLogprobs;
}

/**
 * Chooses tokens from logits. Order as in `GenerationMixin._get_logits_processor` of transformers: bias,
 * penalties, banned tokens, temperature, top-k, top-p, min-p. Ties go to the lowest id. The result is a function
 * of logits and choice alone; the object only keeps scratch buffers, so one serves all sequences of a model.
 */
export class Sampler {
  readonly #adjusted: Float32Array;
  readonly #candidates: Candidates;

  constructor(vocabSize: number) {
    this.#adjusted = new Float32Array(vocabSize);
    this.#candidates = new Candidates(vocabSize);
  }

  /**
   * Chooses the next token.
   *
   * @param logits `[vocabSize]`, left as they are
   * @throws DiptychError `internal` where a logit is not a finite number
   */
  sample(logits: Float32Array, choice: Choice): SampledToken {
    const best = argmaxOfFinite(logits, choice.index);
    const adjusted = this.#adjust(logits, choice);
    const id = this.#choose(adjusted, choice, adjusted === logits ? best : undefined);
    const { logprobs } = choice.parameters;
    return logprobs === undefined ? { id } : { id, logprobs: logprobsOf(logits, id, logprobs) };
  }

  #adjust(logits: Float32Array, { parameters, history, banned }: Choice): Float32Array {
    const bannedIds = [...banned];
    if (isNeutral(parameters) && bannedIds.length === 0) return logits;
    this.#adjusted.set(logits);
    applyPenalties(this.#adjusted, parameters, history);
    for (const id of bannedIds) this.#adjusted[id] = -Infinity;
    return this.#adjusted;
  }

  #choose(logits: Float32Array, { parameters, index }: Choice, best: number | undefined): number {
    const { temperature, topP, minP, seed } = parameters;
    if (temperature === 0) return best ?? argmax(logits);
    this.#candidates.select(logits, parameters);
    if (topP < 1) this.#candidates.keepTopP(topP);
    if (minP > 0) this.#candidates.keepMinP(minP);
    return this.#candidates.draw(uniformAt(seed, index));
  }
}

function argmax(logits: Float32Array): number {
  let best = 0;
  let largest = -Infinity;
  logits.forEach((logit, id) => {
    if (logit > largest) {
      largest = logit;
      best = id;
    }
  });
  assert.ok(largest > -Infinity, 'no token is left to choose');
  return best;
}

/** The argmax, and in the same pass the proof that all logits are finite: x - x is 0 for these alone. */
function argmaxOfFinite(logits: Float32Array, index: number): number {
  let best = 0;
  let largest = -Infinity;
  let residue = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? 0;
    residue += logit - logit;
    if (logit > largest) {
      largest = logit;
      best = id;
    }
  }
  if (residue === 0) return best;
  throw new DiptychError(
    'internal',
    `The model's logits for token ${index} of the answer are not finite numbers; the sequence cannot go on. ` +
      'Other requests are not affected.',
  );
}
