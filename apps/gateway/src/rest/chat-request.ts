import { type PromptTemplate, toPrompt } from '../chat/prompt.ts';
import { AnswerTimings } from '../chat/timings.ts';
import type { AnswerRequest } from './begin-answer.ts';
import { chatShape } from './chat-shape.ts';
import type { BodyOptions } from './parse-body.ts';
import { readChatBody } from './read-chat-body.ts';

/** What a chat request is read with. */
export interface ChatOptions extends BodyOptions {
  readonly template: PromptTemplate;
}

/**
 * Reads the parsed body of `POST /v1/chat/completions` and renders its prompt. Its timings start here.
 *
 * @throws DiptychError as `readChatBody`, and `template_failed` or `chat_template_missing`
 */
export function chatRequest(body: unknown, options: ChatOptions): AnswerRequest {
  const timings = new AnswerTimings();
  const { job, ...call } = readChatBody(body, options);
  const prompt = toPrompt(options.template, job);
  const shape = chatShape({ logprobs: job.sampling.logprobs !== undefined });
  return { ...call, job: { ...job, prompt, continuesText: false }, timings, shape };
}
