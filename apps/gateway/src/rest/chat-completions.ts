import type { FastifyInstance } from 'fastify';
import { type PromptTemplate, toPrompt } from '../chat/prompt.ts';
import { AnswerTimings } from '../chat/timings.ts';
import { type AnswerRoute, answerRequest } from './answer-request.ts';
import { chatShape } from './chat-shape.ts';
import type { BodyOptions } from './parse-body.ts';
import { readChatBody } from './read-chat-body.ts';

/** What the route needs. */
export interface ChatRoute extends AnswerRoute, BodyOptions {
  readonly template: PromptTemplate;
}

/** `POST /v1/chat/completions`: validate, render the prompt, admit, answer, streamed or whole. */
export function chatCompletions(app: FastifyInstance, route: ChatRoute): void {
  app.post('/v1/chat/completions', async (request, reply) => {
    const timings = new AnswerTimings();
    const { job, ...call } = readChatBody(request.body, route);
    const prompt = toPrompt(route.template, job);
    const shape = chatShape({ logprobs: job.sampling.logprobs !== undefined });
    return await answerRequest(reply, route, {
      ...call,
      job: { ...job, prompt, continuesText: false },
      timings,
      shape,
    });
  });
}
