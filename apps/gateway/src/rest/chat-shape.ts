import type { AnswerShape } from './answer-shape.ts';
import { toLogprobs } from './chat-logprobs.ts';

/** OpenAI's `chat.completion` and `chat.completion.chunk`. `logprobs`: they were asked for. */
export function chatShape({ logprobs }: { readonly logprobs: boolean }): AnswerShape {
  return {
    idPrefix: 'chatcmpl',
    object: 'chat.completion',
    chunkObject: 'chat.completion.chunk',
    opening: { delta: { role: 'assistant', content: '', refusal: null } },
    piece: (text) => ({ delta: { content: text } }),
    ending: { delta: {} },
    whole: (text) => ({ message: { role: 'assistant', content: text, refusal: null } }),
    ...(logprobs && { logprobs: () => toLogprobs }),
  };
}
