/** The numbers that a parameter accepts, and the same in words. */
export interface Range {
  readonly expected: string;
  readonly accepts: (value: number) => boolean;
}

const UINT32_MAX = 2 ** 32 - 1;

/** What each field of `Sampling` accepts (proto/diptych/v1/language.proto), for REST and gRPC alike. */
export const SAMPLING_RANGES = {
  maxTokens: whole(1, UINT32_MAX),
  minTokens: whole(0, UINT32_MAX),
  temperature: real(0, 2),
  topK: whole(0, UINT32_MAX),
  topP: { expected: 'a number above 0 and at most 1', accepts: (value) => value > 0 && value <= 1 },
  minP: real(0, 1),
  repetitionPenalty: real(0.01, 100),
  presencePenalty: real(-2, 2),
  frequencyPenalty: real(-2, 2),
  logprobs: whole(0, 20),
} as const satisfies Record<string, Range>;

/** What a bias of `logit_bias` accepts. */
export const BIAS_RANGE = real(-100, 100);

/** What a token id accepts; the language service knows the vocabulary. */
export const TOKEN_ID_RANGE = whole(0, UINT32_MAX);

/** Most stop strings of one request. */
export const MAX_STOPS = 16;

/** Most token ids in `stop_token_ids` or `logit_bias`: each costs time at every step. */
export const MAX_TOKEN_IDS = 1024;

/** Whole numbers from `min` to `max`. */
export function whole(min: number, max: number): Range {
  return {
    expected: `a whole number from ${min} to ${max}`,
    accepts: (value) => Number.isInteger(value) && value >= min && value <= max,
  };
}

function real(min: number, max: number): Range {
  return { expected: `a number from ${min} to ${max}`, accepts: (value) => value >= min && value <= max };
}
