import type { TokenLogprob } from '@diptych/contract';

/** How one kind of endpoint puts its answers: what tells OpenAI's chat completions and completions apart. */
export interface AnswerShape {
  /** What ids begin with. */
  readonly idPrefix: string;
  /** `object` of a whole answer, and of a chunk. */
  readonly object: string;
  readonly chunkObject: string;
  /** Fields of the chunk that begins each choice, where there is one. */
  readonly opening?: object;
  /** Fields of a chunk that carries text. */
  readonly piece: (text: string) => object;
  /** Fields of the chunk that ends a choice. */
  readonly ending: object;
  /** Fields of a choice of a whole answer. */
  readonly whole: (text: string) => object;
  /** Begins the log probabilities of one choice; absent where none were asked for. */
  readonly logprobs?: () => LogprobsWriter;
}

/** Puts the log probabilities of the next tokens of a choice into the endpoint's shape. */
export type LogprobsWriter = (entries: readonly TokenLogprob[]) => object;
