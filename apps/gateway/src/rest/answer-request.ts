import type { FastifyReply } from 'fastify';
import type { Admission } from '../chat/admission.ts';
import { callEnd, clientGone, failureOf } from '../chat/call-signal.ts';
import { answerChunks } from './answer-chunks.ts';
import { answerObject } from './answer-object.ts';
import { type AnswerRequest, type AnswerSource, beginAnswer } from './begin-answer.ts';
import { errorBody } from './error-body.ts';
import { EventStream } from './event-stream.ts';
import { logFailure } from './request-log.ts';

/** What a route that answers needs. */
export interface AnswerRoute extends AnswerSource {
  readonly admission: Admission;
  /** Milliseconds that one answer may take. */
  readonly requestTimeoutMs: number;
}

/**
 * Admits a request and answers it, streamed or whole. A failure before the answer began goes to the server's error
 * handler; one after it ends the stream as its last event.
 */
export async function answerRequest(
  reply: FastifyReply,
  route: AnswerRoute,
  request: AnswerRequest,
): Promise<FastifyReply> {
  using place = route.admission.enter();
  const signals = [clientGone(reply.raw), place.signal];
  using end = callEnd({ timeoutMs: route.requestTimeoutMs, signals });
  const { events, frame } = await beginAnswer(route, request, end);
  const { shape, includeUsage } = request;
  if (!request.stream) return await reply.send(await answerObject(events, { frame, shape }));
  return await sendChunks(reply, answerChunks(events, { frame, shape, includeUsage }), end.signal);
}

async function sendChunks(
  reply: FastifyReply,
  chunks: AsyncIterable<object>,
  signal: AbortSignal,
): Promise<FastifyReply> {
  reply.hijack();
  const stream = new EventStream(reply.raw, { signal, headers: reply.getHeaders() });
  try {
    for await (const chunk of chunks) await stream.send(JSON.stringify(chunk));
    stream.end('[DONE]');
  } catch (error) {
    const failure = failureOf(error, signal);
    logFailure(reply.log, failure);
    stream.end(JSON.stringify(errorBody(failure)));
  }
  return reply;
}
