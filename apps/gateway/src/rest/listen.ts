import { DiptychError } from '@diptych/errors';
import type { FastifyInstance } from 'fastify';

/**
 * Listens on `host:port` and returns the address with the port that was taken.
 *
 * @throws DiptychError `configuration_invalid` when that cannot be.
 */
export async function listen(app: FastifyInstance, address: string): Promise<string> {
  const { hostname, port } = new URL(`http://${address}`);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  try {
    // Port 80 is what a URL leaves out.
    return await app.listen({ host, port: port === '' ? 80 : Number(port) });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : 'unknown reason';
    throw new DiptychError('configuration_invalid', `Cannot listen on ${address}: ${message}`, { cause });
  }
}
