import { create } from '@bufbuild/protobuf';
import { type Sampling, SamplingSchema } from '@diptych/contract';
import { BIAS_RANGE, TOKEN_ID_RANGE } from '../chat/sampling-ranges.ts';
import type { AnswerBody } from './answer-schema.ts';
import { invalid, MAX_SHOWN } from './parse-body.ts';

/** What each endpoint has its own words for. */
export interface SamplingOptions {
  /** Most tokens to generate; absent: what the context leaves. */
  readonly maxTokens: number | null | undefined;
  /** Alternatives to report for each token; absent: no log probabilities. */
  readonly logprobs: number | null | undefined;
}

/**
 * The sampling parameters of a body. What is absent stays absent.
 *
 * @throws DiptychError `invalid_parameter`
 */
export function readSampling(body: AnswerBody, { maxTokens, logprobs }: SamplingOptions): Sampling {
  if ((body.min_tokens ?? 0) > (maxTokens ?? Infinity))
    throw invalid('min_tokens', `must be at most ${maxTokens}, the most tokens allowed`);
  const sampling = create(SamplingSchema, {
    stop: [body.stop ?? []].flat(),
    stopTokenIds: body.stop_token_ids ?? [],
    logitBias: readLogitBias(body.logit_bias ?? {}),
    ignoreEos: body.ignore_eos ?? false,
  });
  const optional = {
    maxTokens,
    minTokens: body.min_tokens,
    temperature: body.temperature,
    topK: body.top_k,
    topP: body.top_p,
    minP: body.min_p,
    repetitionPenalty: body.repetition_penalty,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    seed: typeof body.seed === 'number' ? BigInt.asUintN(64, BigInt(body.seed)) : undefined,
    logprobs,
  };
  return Object.assign(
    sampling,
    Object.fromEntries(Object.entries(optional).filter(([, value]) => value != null)),
  );
}

function readLogitBias(biases: Readonly<Record<string, unknown>>): Record<number, number> {
  const entries = Object.entries(biases).map(([id, bias]) => {
    const param = `logit_bias.${id}`;
    if (!/^\d{1,10}$/.test(id) || !TOKEN_ID_RANGE.accepts(Number(id))) {
      throw invalid(
        'logit_bias',
        `must have token ids as keys, got ${JSON.stringify(id.slice(0, MAX_SHOWN))}`,
      );
    }
    if (typeof bias !== 'number' || !BIAS_RANGE.accepts(bias))
      throw invalid(param, `must be ${BIAS_RANGE.expected}`);
    return [Number(id), bias] as const;
  });
  return Object.fromEntries(entries);
}
