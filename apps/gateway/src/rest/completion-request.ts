import { toRawPrompt } from '../chat/prompt.ts';
import { AnswerTimings } from '../chat/timings.ts';
import type { AnswerRequest } from './begin-answer.ts';
import { completionShape } from './completion-shape.ts';
import { type CompletionOptions, readCompletionBody } from './read-completion-body.ts';

/**
 * Reads the parsed body of `POST /v1/completions`. Its timings start here.
 *
 * @throws DiptychError as `readCompletionBody`
 */
export function completionRequest(body: unknown, options: CompletionOptions): AnswerRequest {
  const timings = new AnswerTimings();
  const { job, promptLength, ...call } = readCompletionBody(body, options);
  const shape = completionShape({ logprobs: job.sampling.logprobs !== undefined, promptLength });
  return { ...call, job: { ...job, prompt: toRawPrompt(job), continuesText: true }, timings, shape };
}
