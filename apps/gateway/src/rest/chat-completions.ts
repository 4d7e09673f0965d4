import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Admission } from '../chat/admission.ts';
import { type AnswerContext, answerChat } from '../chat/answer-chat.ts';
import { begun } from '../chat/begun.ts';
import { callEnd, clientGone, failureOf } from '../chat/call-signal.ts';
import { AnswerTimings } from '../chat/timings.ts';
import { collectCompletion } from './completion.ts';
import { completionChunks } from './completion-chunks.ts';
import { completionFrame } from './completion-frame.ts';
import { errorBody } from './error-body.ts';
import { EventStream } from './event-stream.ts';
import { aboutField } from './max-tokens-field.ts';
import { type BodyOptions, readChatBody } from './read-chat-body.ts';
import { logFailure } from './request-log.ts';

/** What the route needs. */
export interface ChatRoute extends AnswerContext, BodyOptions {
  readonly admission: Admission;
  /** Milliseconds that one answer may take. */
  readonly requestTimeoutMs: number;
}

/**
 * `POST /v1/chat/completions`: validate, admit, answer, streamed or whole. A failure before the answer began
 * goes to the server's error handler; one after it ends the stream as its last event.
 */
export function chatCompletions(app: FastifyInstance, route: ChatRoute): void {
  app.post('/v1/chat/completions', async (request, reply) => {
    const timings = new AnswerTimings();
    const { job, stream, includeUsage, maxTokensField } = readChatBody(request.body, route);
    using place = route.admission.enter();
    const signals = [clientGone(reply.raw), place.signal];
    using end = callEnd({ timeoutMs: route.requestTimeoutMs, signals });
    const { signal, deadline } = end;
    const { fingerprint } = await route.stages.languageModel(signal);
    const answer = answerChat(route, job, { signal, deadline, timings });
    const events = await begun(answer).catch((error: unknown) => {
      throw aboutField(error, maxTokensField);
    });
    const frame = completionFrame(route.model, fingerprint);
    const options = { frame, includeUsage, logprobs: job.sampling.logprobs !== undefined };
    if (!stream) return await reply.send(await collectCompletion(events, options));
    return await sendChunks(reply, completionChunks(events, options), signal);
  });
}

async function sendChunks(
  reply: FastifyReply,
  chunks: AsyncIterable<object>,
  signal: AbortSignal,
): Promise<FastifyReply> {
  reply.hijack();
  const stream = new EventStream(reply.raw, reply.getHeaders());
  try {
    for await (const chunk of chunks) await stream.send(JSON.stringify(chunk), signal);
    stream.end('[DONE]');
  } catch (error) {
    const failure = failureOf(error, signal);
    logFailure(reply.log, failure);
    stream.end(JSON.stringify(errorBody(failure)));
  }
  return reply;
}
