import type { FastifyInstance } from 'fastify';
import { type AnswerRoute, answerRequest } from './answer-request.ts';
import { completionRequest } from './completion-request.ts';
import type { CompletionOptions } from './read-completion-body.ts';

/** What the route needs. */
export interface CompletionRoute extends AnswerRoute, CompletionOptions {}

/** `POST /v1/completions`: validate, admit, continue the prompt, streamed or whole. */
export function completions(app: FastifyInstance, route: CompletionRoute): void {
  app.post('/v1/completions', async (request, reply) => {
    return await answerRequest(reply, route, completionRequest(request.body, route));
  });
}
