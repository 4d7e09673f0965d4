import type { DiptychError } from '@diptych/errors';
import type { FastifyReply } from 'fastify';

/** Milliseconds until a retry makes sense where the error itself does not say: time to restart a stage. */
const DEFAULT_RETRY_AFTER_MS = 1000;

/** Statuses after which trying again may help. */
const RETRIABLE = [429, 503];

/** An error in OpenAI's shape. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

/** The error as a caller sees it: its cause stays here. */
export function errorBody({ message, entry, param, code }: DiptychError): ErrorBody {
  return { error: { message, type: entry.type, param: param ?? null, code } };
}

/** Answers with an error: status, `Retry-After` where a retry may help, body. */
export function sendError(reply: FastifyReply, error: DiptychError): FastifyReply {
  const status = error.entry.http;
  if (RETRIABLE.includes(status)) {
    const retryAfterMs = error.retryAfterMs ?? DEFAULT_RETRY_AFTER_MS;
    // The second is the one that OpenAI's clients prefer.
    reply.header('retry-after', Math.ceil(retryAfterMs / 1000)).header('retry-after-ms', retryAfterMs);
  }
  return reply.code(status).send(errorBody(error));
}
