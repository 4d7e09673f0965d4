import type { Duplex } from 'node:stream';
import { DiptychError } from '@diptych/errors';
import { errorBody } from './error-body.ts';

/** Answers what is no HTTP request, or one that never arrives in full, in the API's words, and hangs up. */
export function refuseConnection(_error: Error, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const error = new DiptychError(
    'malformed_request',
    'The HTTP request cannot be read, or did not arrive in time.',
  );
  const body = JSON.stringify(errorBody(error));
  const head = [
    'HTTP/1.1 400 Bad Request',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
