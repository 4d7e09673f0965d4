import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

/** Milliseconds that the bytes of finished answers get to leave at shutdown: a long one over a slow line. */
const LAST_BYTES_MS = 2_000;

/**
 * Lets the last bytes of every answer leave before the server closes its connections. An answer that is complete may
 * still wait for its reader; that needs no place any more, so the admission does not wait for it.
 */
export function awaitLastBytes(app: FastifyInstance): void {
  const open = new Set<ServerResponse>();
  app.server.on('request', (_request, response: ServerResponse) => {
    open.add(response);
    response.once('close', () => open.delete(response));
  });
  app.addHook('preClose', async () => {
    const timer = new AbortController();
    const sent = Promise.all([...open].map((response) => once(response, 'close')));
    await Promise.race([sent, delay(LAST_BYTES_MS, undefined, { signal: timer.signal })]);
    timer.abort();
  });
}
