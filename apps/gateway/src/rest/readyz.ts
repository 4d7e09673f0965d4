import type { FastifyInstance } from 'fastify';

/** What the route needs. */
export interface ReadyRoute {
  /** What is missing for whole service, in words; empty when nothing is. */
  readonly missing: () => Promise<readonly string[]>;
}

/** `GET /readyz`: 200 when conversations with images can be answered, else 503 with what is missing. */
export function readyz(app: FastifyInstance, { missing }: ReadyRoute): void {
  app.get('/readyz', async (_request, reply) => {
    const list = await missing();
    return reply
      .code(list.length === 0 ? 200 : 503)
      .send({ status: list.length === 0 ? 'ready' : 'not_ready', missing: list });
  });
}
