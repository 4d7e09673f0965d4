import type { FastifyInstance } from 'fastify';
import { type AnswerRoute, answerRequest } from './answer-request.ts';
import { type ChatOptions, chatRequest } from './chat-request.ts';

/** What the route needs. */
export interface ChatRoute extends AnswerRoute, ChatOptions {}

/** `POST /v1/chat/completions`: validate, render the prompt, admit, answer, streamed or whole. */
export function chatCompletions(app: FastifyInstance, route: ChatRoute): void {
  app.post('/v1/chat/completions', async (request, reply) => {
    return await answerRequest(reply, route, chatRequest(request.body, route));
  });
}
