import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { DiptychError, toDiptychError } from '@diptych/errors';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { sendError } from './error-body.ts';
import { awaitLastBytes } from './last-bytes.ts';
import { refuseConnection } from './refuse-connection.ts';
import { logFailure, logRequests } from './request-log.ts';

/** Request ids of callers that are taken over: nothing that could break a log line or a header. */
const REQUEST_ID = /^[\w.-]{1,128}$/;

/** Milliseconds in which a request must have arrived in full: the largest body over a slow line. */
const RECEIVE_TIMEOUT_MS = 120_000;

/** What the HTTP server needs. */
export interface RestOptions {
  readonly logger: FastifyBaseLogger;
  /** Largest body of a request in bytes. */
  readonly maxBodyBytes: number;
}

/**
 * An HTTP server without routes: strict JSON, errors in OpenAI's shape whatever goes wrong, a request id on
 * each answer.
 */
export function restServer({ logger, maxBodyBytes }: RestOptions): FastifyInstance {
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxBodyBytes,
    genReqId: requestId,
    // Those that wait for their next request; answers have left by then.
    forceCloseConnections: true,
    // The admission says it, in the API's own words.
    return503OnClosing: false,
    requestTimeout: RECEIVE_TIMEOUT_MS,
    clientErrorHandler: refuseConnection,
    frameworkErrors: (_error, request, reply) => {
      // No hook runs for these.
      void sendError(reply.header('x-request-id', request.id), notFound(request.method, request.url));
    },
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  logRequests(app);
  awaitLastBytes(app);
  parseJsonOnly(app);
  app.setErrorHandler((error, request, reply) => {
    const failure = toApiError(error, maxBodyBytes);
    logFailure(request.log, failure);
    return sendError(reply, failure);
  });
  app.setNotFoundHandler((request, reply) => sendError(reply, notFound(request.method, request.url)));
  return app;
}

function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : `req_${randomUUID()}`;
}

function parseJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(body));
      done(null, JSON.parse(text));
    } catch (error) {
      done(malformed(`The body is not JSON: ${error instanceof Error ? error.message : 'unreadable'}.`));
    }
  });
}

/** Fastify's own refusals in the API's words; everything unknown is ours. */
function toApiError(error: unknown, maxBodyBytes: number): DiptychError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new DiptychError(
      'request_too_large',
      `The body is larger than the ${maxBodyBytes} bytes that this server accepts.`,
    );
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return malformed('The Content-Type must be application/json.');
  if (typeof code === 'string' && code.startsWith('FST_ERR_CTP'))
    return malformed('The body does not have the length that its headers say.');
  return toDiptychError(error);
}

function malformed(message: string): DiptychError {
  return new DiptychError('malformed_request', message);
}

function notFound(method: string, url: string): DiptychError {
  const path = url.split('?', 1)[0] ?? url;
  return new DiptychError(
    'not_found',
    `There is nothing at ${method} ${path}; see GET /v1/models, POST /v1/chat/completions and POST /v1/completions.`,
  );
}
