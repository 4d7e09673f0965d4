import type { AnswerBody } from './answer-schema.ts';
import { invalid } from './parse-body.ts';

/** How an answer is sent. */
export interface Streaming {
  /** As server-sent events. */
  readonly stream: boolean;
  /** With a last chunk of usage and timings. */
  readonly includeUsage: boolean;
}

/** How the answer to a body is sent. @throws DiptychError `invalid_parameter` */
export function readStreaming({ stream, stream_options: options }: AnswerBody): Streaming {
  if (options && stream !== true) throw invalid('stream_options', 'needs stream to be true');
  return { stream: stream ?? false, includeUsage: options?.include_usage ?? false };
}
