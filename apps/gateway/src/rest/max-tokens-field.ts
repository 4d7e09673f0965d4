import { DiptychError } from '@diptych/errors';
import type { ChatBody } from './chat-schema.ts';

/** OpenAI's two names of one limit: the older, which the stages use, and the newer. */
export type MaxTokensField = 'max_tokens' | 'max_completion_tokens';

/** The name under which a caller sent the limit, where it did. */
export function maxTokensField({ max_completion_tokens: newer }: ChatBody): MaxTokensField {
  return typeof newer === 'number' ? 'max_completion_tokens' : 'max_tokens';
}

/** An error of a stage about `max_tokens`, told of the field that the caller sent; others as they are. */
export function aboutField(error: unknown, field: MaxTokensField): unknown {
  if (!(error instanceof DiptychError) || error.param !== 'max_tokens') return error;
  const message = error.message.replaceAll(/\bmax_tokens\b/g, field);
  return new DiptychError(error.code, message, { param: field, cause: error });
}
