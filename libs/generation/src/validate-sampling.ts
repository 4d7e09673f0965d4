import { DiptychError } from '@diptych/errors';
import { randomSeed } from './random.ts';
import type { PartialSampling, SamplingDefaults, SamplingParameters } from './sampling-parameters.ts';

/**
 * Sampling parameters in full: the caller's value, else the checkpoint's default, else the neutral value; a seed
 * is drawn where none is given. Ranges are those of `Sampling` in language.proto. Token ids are held against the
 * vocabulary when the engine takes the request.
 *
 * @throws DiptychError `invalid_parameter` with the parameter's wire name (snake_case) as `param`
 */
export function validateSampling(
  partial: PartialSampling,
  defaults: SamplingDefaults = {},
): SamplingParameters {
  const maxTokens = whole('max_tokens', partial.maxTokens, 1);
  return {
    maxTokens,
    minTokens: checkMinTokens(whole('min_tokens', partial.minTokens ?? 0, 0), maxTokens),
    temperature: within('temperature', partial.temperature ?? defaults.temperature ?? 1, 0, 2),
    topK: whole('top_k', partial.topK ?? defaults.topK ?? 0, 0),
    topP: checkTopP(partial.topP ?? defaults.topP ?? 1),
    minP: within('min_p', partial.minP ?? 0, 0, 1),
    repetitionPenalty: within(
      'repetition_penalty',
      partial.repetitionPenalty ?? defaults.repetitionPenalty ?? 1,
      ...REPETITION_PENALTY_RANGE,
    ),
    presencePenalty: within('presence_penalty', partial.presencePenalty ?? 0, -2, 2),
    frequencyPenalty: within('frequency_penalty', partial.frequencyPenalty ?? 0, -2, 2),
    logitBias: checkLogitBias(partial.logitBias ?? new Map()),
    seed: checkSeed(partial.seed ?? randomSeed()),
    stop: checkStop(partial.stop ?? []),
    stopTokenIds: (partial.stopTokenIds ?? []).map((id) => whole('stop_token_ids', id, 0)),
    logprobs: whole('logprobs', partial.logprobs, 0, MAX_LOGPROBS),
    ignoreEos: partial.ignoreEos ?? false,
  };
}

/** OpenAI's limit for `top_logprobs`. */
const MAX_LOGPROBS = 20;

/** Each stop string costs a comparison for every piece of text; the wire contract says 16. */
const MAX_STOP_STRINGS = 16;

/** Any positive number is meaningful, but beyond these bounds a float32 logit may overflow. */
const REPETITION_PENALTY_RANGE = [0.01, 100] as const;

/** Token ids and counts are uint32 on the wire. */
const MAX_WHOLE = 2 ** 32 - 1;

function within(param: string, value: number, minimum: number, maximum: number): number {
  if (value >= minimum && value <= maximum) return value;
  throw invalid(param, `must be a number from ${minimum} to ${maximum}, got ${value}`);
}

function whole(param: string, value: number, minimum: number, maximum?: number): number;
function whole(
  param: string,
  value: number | undefined,
  minimum: number,
  maximum?: number,
): number | undefined;
function whole(param: string, value: number | undefined, minimum: number, maximum = MAX_WHOLE) {
  if (value === undefined || (Number.isInteger(value) && value >= minimum && value <= maximum)) return value;
  throw invalid(param, `must be a whole number from ${minimum} to ${maximum}, got ${value}`);
}

function checkMinTokens(minTokens: number, maxTokens: number | undefined): number {
  if (maxTokens === undefined || minTokens <= maxTokens) return minTokens;
  throw invalid('min_tokens', `must be at most max_tokens (${maxTokens}), got ${minTokens}`);
}

function checkTopP(topP: number): number {
  if (topP > 0 && topP <= 1) return topP;
  throw invalid('top_p', `must be a number above 0 and at most 1, got ${topP}`);
}

function checkLogitBias(logitBias: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  for (const [id, bias] of logitBias) {
    whole('logit_bias', id, 0);
    within('logit_bias', bias, -100, 100);
  }
  return logitBias;
}

function checkSeed(seed: bigint): bigint {
  if (seed === BigInt.asUintN(64, seed)) return seed;
  throw invalid('seed', `must be a whole number from 0 to 2^64 - 1, got ${String(seed)}`);
}

function checkStop(stop: readonly string[]): readonly string[] {
  if (stop.length > MAX_STOP_STRINGS)
    throw invalid('stop', `takes at most ${MAX_STOP_STRINGS} strings, got ${stop.length}`);
  if (stop.includes('')) throw invalid('stop', 'takes no empty string');
  return stop;
}

function invalid(param: string, problem: string): DiptychError {
  return new DiptychError('invalid_parameter', `${param} ${problem}.`, { param });
}
