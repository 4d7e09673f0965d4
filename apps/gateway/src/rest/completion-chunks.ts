import type { AnswerEvent } from '../chat/answer-chat.ts';
import { type CompletionFrame, finishReason } from './completion-frame.ts';
import { type Logprobs, toLogprobs } from './logprobs.ts';
import { toTimings, toUsage } from './usage.ts';

/** How an answer is put into chunks. */
export interface ChunkOptions {
  readonly frame: CompletionFrame;
  /** Ends with a chunk of usage and timings; all others then say `usage: null`. */
  readonly includeUsage: boolean;
  /** Log probabilities were asked for. */
  readonly logprobs: boolean;
}

/** An answer as `chat.completion.chunk` objects: for each choice its role, its text, its finish reason. */
export async function* completionChunks(
  events: AsyncIterable<AnswerEvent>,
  options: ChunkOptions,
): AsyncGenerator<object> {
  for await (const event of events) {
    const chunk = toChunk(event, options);
    if (chunk) yield chunk;
  }
}

function toChunk(event: AnswerEvent, options: ChunkOptions): object | undefined {
  switch (event.kind) {
    case 'admitted':
      return chunkOf(event.choice, { delta: { role: 'assistant', content: '', refusal: null } }, options);
    case 'delta': {
      const { text, logprobs } = event.delta;
      // Tokens whose text is held back say nothing, unless their probabilities were asked for.
      if (text === '' && (!options.logprobs || logprobs.length === 0)) return undefined;
      const part = options.logprobs ? { logprobs: toLogprobs(logprobs) } : {};
      return chunkOf(event.choice, { delta: { content: text }, ...part }, options);
    }
    case 'finished':
      return chunkOf(
        event.choice,
        { delta: {}, finish_reason: finishReason(event.finished.reason) },
        options,
      );
    case 'summary':
      if (!options.includeUsage) return undefined;
      return {
        ...head(options),
        choices: [],
        usage: toUsage(event.usage),
        timings: toTimings(event.timings),
      };
  }
}

interface ChunkChoice {
  readonly delta: object;
  readonly logprobs?: Logprobs;
  readonly finish_reason?: string;
}

function chunkOf(
  index: number,
  { delta, logprobs, finish_reason }: ChunkChoice,
  options: ChunkOptions,
): object {
  const choice = { index, delta, logprobs: logprobs ?? null, finish_reason: finish_reason ?? null };
  return { ...head(options), choices: [choice], ...(options.includeUsage && { usage: null }) };
}

function head({ frame }: ChunkOptions): object {
  return { ...frame, object: 'chat.completion.chunk' };
}
