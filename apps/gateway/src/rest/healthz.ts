import type { FastifyInstance } from 'fastify';

/** `GET /healthz`: the process is alive; says nothing of the stages. */
export function healthz(app: FastifyInstance): void {
  app.get('/healthz', () => ({ status: 'alive' }));
}
