import type { FastifyInstance } from 'fastify';
import { toRawPrompt } from '../chat/prompt.ts';
import { AnswerTimings } from '../chat/timings.ts';
import { type AnswerRoute, answerRequest } from './answer-request.ts';
import { completionShape } from './completion-shape.ts';
import { type CompletionOptions, readCompletionBody } from './read-completion-body.ts';

/** What the route needs. */
export interface CompletionRoute extends AnswerRoute, CompletionOptions {}

/** `POST /v1/completions`: validate, admit, continue the prompt, streamed or whole. */
export function completions(app: FastifyInstance, route: CompletionRoute): void {
  app.post('/v1/completions', async (request, reply) => {
    const timings = new AnswerTimings();
    const { job, promptLength, ...call } = readCompletionBody(request.body, route);
    const prompt = toRawPrompt(job);
    const shape = completionShape({ logprobs: job.sampling.logprobs !== undefined, promptLength });
    return await answerRequest(reply, route, {
      ...call,
      job: { ...job, prompt, continuesText: true },
      timings,
      shape,
    });
  });
}
