import type { ChatContent, ChatMessage } from '@diptych/text';
import type { AnswerParameters, Conversation, ImageInput } from '../chat/answer-job.ts';
import { checkModel } from '../chat/check-model.ts';
import type { FieldNames } from '../chat/field-names.ts';
import { MAX_IMAGES } from '../chat/limits.ts';
import { type ChatBody, chatSchema } from './chat-schema.ts';
import type { BodyMessage } from './message-schema.ts';
import { type BodyOptions, invalid, parseBody } from './parse-body.ts';
import { readImage } from './read-image.ts';
import { readSampling } from './read-sampling.ts';
import { readStreaming, type Streaming } from './read-streaming.ts';
import { REFUSED_CHAT_PARAMETERS } from './refused-chat-parameters.ts';

/** A chat request that may be answered. */
export interface ChatCall extends Streaming {
  readonly job: Conversation & AnswerParameters;
  readonly fieldNames: FieldNames;
}

/**
 * Reads the parsed body of `POST /v1/chat/completions`.
 *
 * @throws DiptychError `malformed_request`, `invalid_parameter`, `unsupported_parameter`, `model_not_found` or
 * one of the image codes, with the path of the field at fault as `param`.
 */
export function readChatBody(value: unknown, options: BodyOptions): ChatCall {
  const body = parseBody(value, chatSchema, REFUSED_CHAT_PARAMETERS);
  checkModel(body.model, options.model);
  const sampling = readSampling(body, { maxTokens: maxTokens(body), logprobs: logprobs(body) });
  return {
    ...readStreaming(body),
    job: {
      ...readMessages(body.messages, options),
      sampling,
      choices: body.n ?? 1,
      cacheSalt: body.cache_salt ?? '',
    },
    // The stages know the older name alone.
    fieldNames: body.max_completion_tokens == null ? {} : { max_tokens: 'max_completion_tokens' },
  };
}

/** OpenAI has two names for one limit, an older and a newer one. */
function maxTokens({ max_tokens: older, max_completion_tokens: newer }: ChatBody): number | null | undefined {
  if (older != null && newer != null && older !== newer)
    throw invalid('max_completion_tokens', `is ${newer} but max_tokens is ${older}: give one of them`);
  return newer ?? older;
}

function logprobs({ logprobs, top_logprobs: top }: ChatBody): number | undefined {
  if (top != null && logprobs !== true) throw invalid('top_logprobs', 'needs logprobs to be true');
  return logprobs === true ? (top ?? 0) : undefined;
}

function readMessages(bodies: readonly BodyMessage[], options: BodyOptions): Conversation {
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
    images.push(readImage(part.image_url, { param: `${at}.image_url.url`, maxImageBytes }));
    return { type: 'image' };
  });
  return { role, content };
}
