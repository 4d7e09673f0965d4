import { create } from '@bufbuild/protobuf';
import { type Sampling, SamplingSchema } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import { BIAS_RANGE, MAX_STOPS, MAX_TOKEN_IDS, SAMPLING_RANGES } from '../chat/sampling-ranges.ts';

/**
 * The sampling parameters of a gRPC request, every value in its range; absent ones stay absent.
 *
 * @throws DiptychError `invalid_parameter` with the field's path as `param`.
 */
export function readSampling(wire: Sampling | undefined): Sampling {
  const sampling = wire ?? create(SamplingSchema);
  checkNumbers(sampling);
  checkLists(sampling);
  const { minTokens = 0, maxTokens = Infinity } = sampling;
  if (minTokens > maxTokens) throw invalid('min_tokens', `must be at most max_tokens, ${maxTokens}`);
  return sampling;
}

function checkNumbers(sampling: Sampling): void {
  for (const name of Object.keys(SAMPLING_RANGES)) {
    if (!isNumberField(name)) continue;
    const value = sampling[name];
    const { accepts, expected } = SAMPLING_RANGES[name];
    if (value !== undefined && !accepts(value))
      throw invalid(snake(name), `must be ${expected}, got ${value}`);
  }
  for (const [id, bias] of Object.entries(sampling.logitBias)) {
    if (!BIAS_RANGE.accepts(bias)) throw invalid(`logit_bias[${id}]`, `must be ${BIAS_RANGE.expected}`);
  }
}

function checkLists({ stop, stopTokenIds, logitBias }: Sampling): void {
  if (stop.length > MAX_STOPS || stop.includes(''))
    throw invalid('stop', `must be up to ${MAX_STOPS} strings, none empty`);
  if (stopTokenIds.length > MAX_TOKEN_IDS)
    throw invalid('stop_token_ids', `must be up to ${MAX_TOKEN_IDS} token ids`);
  if (Object.keys(logitBias).length > MAX_TOKEN_IDS)
    throw invalid('logit_bias', `must be up to ${MAX_TOKEN_IDS} biases`);
}

function isNumberField(name: string): name is keyof typeof SAMPLING_RANGES {
  return Object.hasOwn(SAMPLING_RANGES, name);
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function invalid(field: string, message: string): DiptychError {
  return new DiptychError('invalid_parameter', `sampling.${field} ${message}.`, {
    param: `sampling.${field}`,
  });
}
