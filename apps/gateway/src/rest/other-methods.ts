import { DiptychError } from '@diptych/errors';
import type { FastifyInstance, HTTPMethods } from 'fastify';
import { sendError } from './error-body.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const satisfies HTTPMethods[];

/** Refuses every method but `accepted` on a path, naming the right one. */
export function refuseOtherMethods(app: FastifyInstance, url: string, accepted: 'GET' | 'POST'): void {
  app.route({
    url,
    method: METHODS.filter((method) => method !== accepted),
    // Before the body is read: what it holds does not matter.
    onRequest: async (request, reply) => {
      const error = new DiptychError(
        'method_not_allowed',
        `${url} takes ${accepted}, not ${request.method}.`,
      );
      await sendError(reply.header('allow', accepted === 'GET' ? 'GET, HEAD' : accepted), error);
    },
    handler: (_request, reply) => reply,
  });
}
