import { z } from 'zod';
import { MAX_CHOICES } from '../chat/limits.ts';
import { MAX_STOPS, MAX_TOKEN_IDS, SAMPLING_RANGES, TOKEN_ID_RANGE, whole } from '../chat/sampling-ranges.ts';
import type { RefusedParameters } from './parse-body.ts';
import { anObject, boolean, expecting, isText, name, number, text } from './schema-kinds.ts';

const stop = expecting(
  `a string that is not empty, or a list of up to ${MAX_STOPS} of them`,
  (value): value is string | string[] =>
    [value].flat().length <= MAX_STOPS && [value].flat().every((one) => isText(one) && one !== ''),
);

const tokenIds = expecting(
  `a list of up to ${MAX_TOKEN_IDS} token ids`,
  (value): value is number[] =>
    Array.isArray(value) &&
    value.length <= MAX_TOKEN_IDS &&
    value.every((id) => typeof id === 'number' && TOKEN_ID_RANGE.accepts(id)),
);

const logitBias = expecting(
  `an object of up to ${MAX_TOKEN_IDS} token ids with their biases`,
  (value): value is Record<string, unknown> =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length <= MAX_TOKEN_IDS,
);

const streamOptions = z.strictObject(
  {
    include_usage: boolean,
    include_obfuscation: z.literal(false, { error: 'is not supported: chunks are not padded' }).nullish(),
  },
  anObject('with the field include_usage'),
);

/** What every endpoint that answers takes: OpenAI's parameters, and those that vLLM adds. */
export const ANSWER_FIELDS = {
  model: name,
  stream: boolean,
  stream_options: streamOptions.nullish(),
  n: number(whole(1, MAX_CHOICES)),
  max_tokens: number(SAMPLING_RANGES.maxTokens),
  min_tokens: number(SAMPLING_RANGES.minTokens),
  temperature: number(SAMPLING_RANGES.temperature),
  top_p: number(SAMPLING_RANGES.topP),
  top_k: number(SAMPLING_RANGES.topK),
  min_p: number(SAMPLING_RANGES.minP),
  repetition_penalty: number(SAMPLING_RANGES.repetitionPenalty),
  presence_penalty: number(SAMPLING_RANGES.presencePenalty),
  frequency_penalty: number(SAMPLING_RANGES.frequencyPenalty),
  logit_bias: logitBias.nullish(),
  // Beyond these, JSON numbers lose digits.
  seed: number(whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)),
  stop: stop.nullish(),
  stop_token_ids: tokenIds.nullish(),
  ignore_eos: boolean,
  cache_salt: name.nullish(),
  user: text.nullish(),
};

/** Those fields, read. */
export type AnswerBody = z.infer<z.ZodObject<typeof ANSWER_FIELDS>>;

/** Fields for parameters that are refused before the schema is looked at: only their `null` comes here. */
export function refusedFields(refused: RefusedParameters) {
  return Object.fromEntries(Object.keys(refused).map((parameter) => [parameter, z.null().optional()]));
}
