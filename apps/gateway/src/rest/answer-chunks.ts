import type { AnswerEvent } from '../chat/answer-prompt.ts';
import { type AnswerFrame, finishReason } from './answer-frame.ts';
import type { AnswerShape, LogprobsWriter } from './answer-shape.ts';
import { toTimings, toUsage } from './usage.ts';

/** How an answer is put into chunks. */
export interface ChunkOptions {
  readonly frame: AnswerFrame;
  readonly shape: AnswerShape;
  /** Ends with a chunk of usage and timings; all others then say `usage: null`. */
  readonly includeUsage: boolean;
}

/** An answer as OpenAI's chunks: for each choice its beginning, its text, its finish reason. */
export async function* answerChunks(
  events: AsyncIterable<AnswerEvent>,
  options: ChunkOptions,
): AsyncGenerator<object> {
  const writers = new Map<number, LogprobsWriter | undefined>();
  for await (const event of events) {
    if (event.kind === 'admitted') writers.set(event.choice, options.shape.logprobs?.());
    const logprobs = event.kind === 'delta' ? writers.get(event.choice) : undefined;
    const chunk = toChunk(event, { ...options, logprobs });
    if (chunk) yield chunk;
  }
}

interface Chunking extends ChunkOptions {
  /** Writes the log probabilities of the event's choice, where they were asked for. */
  readonly logprobs: LogprobsWriter | undefined;
}

function toChunk(event: AnswerEvent, options: Chunking): object | undefined {
  const { shape, includeUsage } = options;
  switch (event.kind) {
    case 'admitted':
      return shape.opening && chunkOf(event.choice, shape.opening, options);
    case 'delta': {
      const { text, logprobs } = event.delta;
      // Tokens whose text is held back say nothing, unless their probabilities were asked for.
      if (text === '' && (!options.logprobs || logprobs.length === 0)) return undefined;
      const part = options.logprobs ? { logprobs: options.logprobs(logprobs) } : {};
      return chunkOf(event.choice, { ...shape.piece(text), ...part }, options);
    }
    case 'finished': {
      const finish_reason = finishReason(event.finished.reason);
      return chunkOf(event.choice, { ...shape.ending, finish_reason }, options);
    }
    case 'summary':
      if (!includeUsage) return undefined;
      return {
        ...head(options),
        choices: [],
        usage: toUsage(event.usage),
        timings: toTimings(event.timings),
      };
  }
}

function chunkOf(index: number, fields: object, options: ChunkOptions): object {
  const choice = { index, logprobs: null, finish_reason: null, ...fields };
  return { ...head(options), choices: [choice], ...(options.includeUsage && { usage: null }) };
}

function head({ frame, shape }: ChunkOptions): object {
  return { ...frame, object: shape.chunkObject };
}
