import { type Chunk, textOf } from '../stream-chat.ts';
import type { Answer } from './target.ts';

/** The body that asks for a greedy answer of exactly `tokens` tokens. */
export function chatBody(messages: readonly object[], tokens: number) {
  return { messages, temperature: 0, max_tokens: tokens, ignore_eos: true };
}

/** Asks, reads the answer to its end, and notes when each piece of text came. */
export async function collectAnswer(
  ask: () => AsyncIterable<Pick<Chunk, 'choices' | 'usage'>>,
): Promise<Answer> {
  const begin = performance.now();
  const times: number[] = [];
  let text = '';
  let usage: Chunk['usage'];
  for await (const chunk of ask()) {
    const piece = textOf(chunk);
    if (piece !== '') times.push(performance.now() - begin);
    text += piece;
    usage = chunk.usage ?? usage;
  }
  if (!usage) throw new Error('an answer ended early');
  return {
    times,
    tokens: usage.completion_tokens,
    text,
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details.cached_tokens,
  };
}
