import type { DiptychError } from '@diptych/errors';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';

/** One log line for each request when it ends: never its content. */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? 'unknown',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'request',
    );
  });
}

/** Logs a failure: its code, and what lies underneath only where the fault is ours, for messages quote callers. */
export function logFailure(log: FastifyBaseLogger, failure: DiptychError): void {
  const { code, param } = failure;
  if (code === 'internal') log.error({ code, err: failure.cause ?? failure }, 'request failed');
  else log.info({ code, param }, 'request refused');
}
