import { DiptychError } from '@diptych/errors';
import { Candidates } from './candidates.ts';
import { LogitRow } from './logit-row.ts';
import { logSoftmax, type PositionLogprobs } from './logprobs.ts';
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
  readonly #row: LogitRow;
  readonly #candidates: Candidates;

  constructor(vocabSize: number) {
    this.#row = new LogitRow(vocabSize);
    this.#candidates = new Candidates(this.#row);
  }

  /**
   * Chooses the next token.
   *
   * @param logits `[vocabSize]`, left as they are
   * @throws DiptychError `internal` where a logit is not a finite number
   */
  sample(logits: Float32Array, choice: Choice): SampledToken {
    if (!this.#row.load(logits)) throw notFinite(choice.index);
    const { logprobs } = choice.parameters;
    const softmax = logprobs === undefined ? undefined : logSoftmax(this.#row, logprobs, logits);
    this.#adjust(choice);
    const id = this.#choose(choice);
    return softmax === undefined ? { id } : { id, logprobs: { chosen: softmax.of(id), top: softmax.top } };
  }

  #adjust({ parameters, history, banned }: Choice): void {
    const bannedIds = [...banned];
    if (isNeutral(parameters) && bannedIds.length === 0) return;
    this.#row.change((logits) => {
      applyPenalties(logits, parameters, history);
      for (const id of bannedIds) logits[id] = -Infinity;
    });
  }

  #choose({ parameters, index }: Choice): number {
    const { temperature, topK, topP, minP, seed } = parameters;
    if (temperature === 0) return this.#row.argmax();
    // After top-p, which looks at all tokens, min-p can no longer spare work.
    this.#candidates.select({ temperature, topK, minP: topP < 1 ? 0 : minP });
    if (topP < 1) this.#candidates.keepTopP(topP);
    if (minP > 0) this.#candidates.keepMinP(minP);
    return this.#candidates.draw(uniformAt(seed, index));
  }
}

function notFinite(index: number): DiptychError {
  return new DiptychError(
    'internal',
    `The model's logits for token ${index} of the answer are not finite numbers; the sequence cannot go on. ` +
      'Other requests are not affected.',
  );
}
