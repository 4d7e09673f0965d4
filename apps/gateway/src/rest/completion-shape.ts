import type { AnswerShape } from './answer-shape.ts';
import { completionLogprobs } from './completion-logprobs.ts';

/** What decides over the shape of a completion. */
export interface CompletionShapeOptions {
  /** Log probabilities were asked for. */
  readonly logprobs: boolean;
  /** Characters of the prompt: where the answer's text begins. */
  readonly promptLength: number;
}

/** OpenAI's `text_completion`: the object of a whole answer and of each chunk. */
export function completionShape({ logprobs, promptLength }: CompletionShapeOptions): AnswerShape {
  return {
    idPrefix: 'cmpl',
    object: 'text_completion',
    chunkObject: 'text_completion',
    piece: (text) => ({ text }),
    ending: { text: '' },
    whole: (text) => ({ text }),
    ...(logprobs && { logprobs: () => completionLogprobs(promptLength) }),
  };
}
