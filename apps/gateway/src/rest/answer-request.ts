import type { FastifyReply } from 'fastify';
import type { Admission } from '../chat/admission.ts';
import type { AnswerJob } from '../chat/answer-job.ts';
import { type AnswerContext, answerPrompt } from '../chat/answer-prompt.ts';
import { begun } from '../chat/begun.ts';
import { callEnd, clientGone, failureOf } from '../chat/call-signal.ts';
import { aboutField, type FieldNames } from '../chat/field-names.ts';
import type { AnswerTimings } from '../chat/timings.ts';
import { answerChunks } from './answer-chunks.ts';
import { answerFrame } from './answer-frame.ts';
import { answerObject } from './answer-object.ts';
import type { AnswerShape } from './answer-shape.ts';
import { errorBody } from './error-body.ts';
import { EventStream } from './event-stream.ts';
import { logFailure } from './request-log.ts';

/** What a route that answers needs. */
export interface AnswerRoute extends AnswerContext {
  readonly admission: Admission;
  /** Id of the model that is served. */
  readonly model: string;
  /** Milliseconds that one answer may take. */
  readonly requestTimeoutMs: number;
}

/** A request that was read: what to answer, and how. */
export interface AnswerRequest {
  readonly job: AnswerJob;
  /** Started when the request arrived. */
  readonly timings: AnswerTimings;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly shape: AnswerShape;
  readonly fieldNames: FieldNames;
}

/**
 * Admits a request and answers it, streamed or whole. A failure before the answer began goes to the server's error
 * handler; one after it ends the stream as its last event.
 */
export async function answerRequest(
  reply: FastifyReply,
  route: AnswerRoute,
  { job, timings, stream, includeUsage, shape, fieldNames }: AnswerRequest,
): Promise<FastifyReply> {
  using place = route.admission.enter();
  const signals = [clientGone(reply.raw), place.signal];
  using end = callEnd({ timeoutMs: route.requestTimeoutMs, signals });
  const { signal, deadline } = end;
  const { fingerprint } = await route.stages.languageModel(signal);
  const answer = answerPrompt(route, job, { signal, deadline, timings });
  const events = await begun(answer).catch((error: unknown) => {
    throw aboutField(error, fieldNames);
  });
  const frame = answerFrame({ idPrefix: shape.idPrefix, model: route.model, fingerprint });
  if (!stream) return await reply.send(await answerObject(events, { frame, shape }));
  return await sendChunks(reply, answerChunks(events, { frame, shape, includeUsage }), signal);
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
