import { z } from 'zod';
import { MAX_MESSAGES } from '../chat/limits.ts';
import { SAMPLING_RANGES } from '../chat/sampling-ranges.ts';
import { ANSWER_FIELDS, refusedFields } from './answer-schema.ts';
import { message } from './message-schema.ts';
import { REFUSED_CHAT_PARAMETERS } from './refused-chat-parameters.ts';
import { anObject, boolean, list, number } from './schema-kinds.ts';

const responseFormat = z.strictObject(
  { type: z.literal('text', { error: 'is not supported: only "text"' }) },
  anObject('with the field type'),
);

const isTextOnly = (value: unknown) => Array.isArray(value) && value.length === 1 && value[0] === 'text';

/** The body of `POST /v1/chat/completions`. */
export const chatSchema = z.strictObject({
  ...refusedFields(REFUSED_CHAT_PARAMETERS),
  ...ANSWER_FIELDS,
  messages: list('messages', MAX_MESSAGES).pipe(z.array(message)),
  max_completion_tokens: number(SAMPLING_RANGES.maxTokens),
  logprobs: boolean,
  top_logprobs: number(SAMPLING_RANGES.logprobs),
  response_format: responseFormat.nullish(),
  modalities: z.custom<['text']>(isTextOnly, { error: 'is not supported: only ["text"]' }).nullish(),
  store: z.literal(false, { error: 'is not supported: answers are not stored' }).nullish(),
});

/** A body of the right shape. */
export type ChatBody = z.infer<typeof chatSchema>;
