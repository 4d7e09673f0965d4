import { create } from '@bufbuild/protobuf';
import { type Sampling, SamplingSchema } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { ChatContent, ChatMessage } from '@diptych/text';
import type { z } from 'zod';
import type { ChatJob, ImageInput } from '../chat/chat-job.ts';
import { checkModel } from '../chat/check-model.ts';
import { MAX_IMAGES } from '../chat/limits.ts';
import { BIAS_RANGE, TOKEN_ID_RANGE } from '../chat/sampling-ranges.ts';
import { parseImageUrl } from '../images/parse-image-url.ts';
import { type ChatBody, chatSchema } from './chat-schema.ts';
import { type MaxTokensField, maxTokensField } from './max-tokens-field.ts';
import type { BodyMessage } from './message-schema.ts';
import { REFUSED_PARAMETERS } from './refused-parameters.ts';

/** Most characters of a name or id that an error repeats. */
const MAX_SHOWN = 100;

/** A chat request that may be answered. */
export interface ChatCall {
  readonly job: ChatJob;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** What the caller calls `job.sampling.maxTokens`. */
  readonly maxTokensField: MaxTokensField;
}

/** What a body is measured against. */
export interface BodyOptions {
  /** Id of the model that is served. */
  readonly model: string;
  /** Largest encoded image in bytes. */
  readonly maxImageBytes: number;
}

/**
 * Reads the parsed body of `POST /v1/chat/completions`.
 *
 * @throws DiptychError `malformed_request`, `invalid_parameter`, `unsupported_parameter`, `model_not_found` or
 * one of the image codes, with the path of the field at fault as `param`.
 */
export function readChatBody(value: unknown, options: BodyOptions): ChatCall {
  refuseUnsupported(value);
  const result = chatSchema.safeParse(value);
  if (!result.success) throw firstIssue(result.error);
  const body = result.data;
  checkModel(body.model, options.model);
  checkPairs(body);
  return {
    job: {
      ...readMessages(body.messages, options),
      sampling: readSampling(body),
      choices: body.n ?? 1,
      cacheSalt: body.cache_salt ?? '',
    },
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    maxTokensField: maxTokensField(body),
  };
}

function refuseUnsupported(value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DiptychError('malformed_request', 'The body must be a JSON object.');
  }
  for (const [name, reason] of Object.entries(REFUSED_PARAMETERS)) {
    if (Object.hasOwn(value, name) && Reflect.get(value, name) !== null)
      throw unsupported(name, `: ${reason}`);
  }
}

function unsupported(param: string, reason = ''): DiptychError {
  return new DiptychError('unsupported_parameter', `${param} is not supported${reason}; leave it out.`, {
    param,
  });
}

function firstIssue({ issues }: z.ZodError): DiptychError {
  const [issue] = issues;
  const path = issue?.path ?? [];
  if (issue?.code === 'unrecognized_keys')
    return unsupported(dotted([...path, issue.keys[0]?.slice(0, MAX_SHOWN) ?? '']));
  const param = dotted(path);
  const code = issue?.message.startsWith('is not supported') ? 'unsupported_parameter' : 'invalid_parameter';
  return new DiptychError(code, `${param} ${issue?.message ?? 'is wrong'}.`, { param });
}

/** `messages[0].content` and the like. */
function dotted(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

function invalid(param: string, message: string): DiptychError {
  return new DiptychError('invalid_parameter', `${param} ${message}.`, { param });
}

/** Parameters that make sense only together. */
function checkPairs(body: ChatBody): void {
  const { max_tokens: max, max_completion_tokens: maxCompletion } = body;
  if (typeof max === 'number' && typeof maxCompletion === 'number' && max !== maxCompletion) {
    throw invalid('max_completion_tokens', `is ${maxCompletion} but max_tokens is ${max}: give one of them`);
  }
  const limit = maxCompletion ?? max ?? Infinity;
  if ((body.min_tokens ?? 0) > limit)
    throw invalid('min_tokens', `must be at most ${limit}, the most tokens allowed`);
  if (typeof body.top_logprobs === 'number' && body.logprobs !== true) {
    throw invalid('top_logprobs', 'needs logprobs to be true');
  }
  if (body.stream_options && body.stream !== true) throw invalid('stream_options', 'needs stream to be true');
}

function readSampling(body: ChatBody): Sampling {
  const sampling = create(SamplingSchema, {
    stop: [body.stop ?? []].flat(),
    stopTokenIds: body.stop_token_ids ?? [],
    logitBias: readLogitBias(body.logit_bias ?? {}),
    ignoreEos: body.ignore_eos ?? false,
  });
  const optional = {
    maxTokens: body.max_completion_tokens ?? body.max_tokens,
    minTokens: body.min_tokens,
    temperature: body.temperature,
    topK: body.top_k,
    topP: body.top_p,
    minP: body.min_p,
    repetitionPenalty: body.repetition_penalty,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    seed: typeof body.seed === 'number' ? BigInt.asUintN(64, BigInt(body.seed)) : undefined,
    logprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : undefined,
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

function readMessages(
  bodies: readonly BodyMessage[],
  options: BodyOptions,
): { messages: ChatMessage[]; images: ImageInput[] } {
  const images: ImageInput[] = [];
  const messages = bodies.map((body, index) =>
    readMessage(body, `messages[${index}]`, { ...options, images }),
  );
  return { messages, images };
}

function readMessage(
  body: BodyMessage,
  param: string,
  { images, maxImageBytes }: BodyOptions & { images: ImageInput[] },
): ChatMessage {
  const role = body.role === 'developer' ? 'system' : body.role;
  const content = body.content.map((part, index): ChatContent => {
    if (part.type === 'text') return { type: 'text', text: part.text };
    const at = `${param}.content[${index}]`;
    if (role !== 'user')
      throw invalid(at, `must be text: images belong into user messages, not ${role} ones`);
    if (images.length === MAX_IMAGES)
      throw invalid(at, `is one image too many: up to ${MAX_IMAGES} are accepted`);
    const urlParam = `${at}.image_url.url`;
    const source = parseImageUrl(part.image_url.url, { param: urlParam, maxBytes: maxImageBytes });
    images.push({ source, param: urlParam, ...splitting(part.image_url.detail) });
    return { type: 'image' };
  });
  return { role, content };
}

/** `detail`: low is the whole image in one view, high cuts it into tiles, auto is as the checkpoint says. */
function splitting(detail: 'auto' | 'low' | 'high' | null | undefined): { split?: boolean } {
  return detail === 'low' || detail === 'high' ? { split: detail === 'high' } : {};
}
