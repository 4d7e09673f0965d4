import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { EventStream } from './event-stream.ts';

const NEVER = new AbortController().signal;
const BIG = 'x'.repeat(2 ** 20);

/** A response to a client that asks and then reads nothing. */
async function unread() {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1');
  client.pause().write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  const close = () => {
    client.destroy();
    server.close();
  };
  return { response, client, [Symbol.dispose]: close };
}

async function flood(stream: EventStream): Promise<never> {
  for (;;) await stream.send(BIG);
}

test('a reader that stops is given up, and its connection closed', async () => {
  using reader = await unread();
  const stream = new EventStream(reader.response, { signal: NEVER, patienceMs: 50 });
  await assert.rejects(flood(stream), { code: 'slow_reader' });
  stream.end('late');
  assert.ok(reader.response.destroyed);
});

test('a reader that lags gets everything once it reads', async () => {
  using reader = await unread();
  const stream = new EventStream(reader.response, { signal: NEVER });
  const sent = Promise.all(Array.from({ length: 16 }, () => stream.send(BIG)));
  assert.ok(reader.response.listenerCount('drain') <= 2, 'all wait together');
  let bytes = 0;
  reader.client.on('data', (chunk: Buffer) => (bytes += chunk.length)).resume();
  await sent;
  stream.end('[DONE]');
  await once(reader.client, 'end');
  assert.ok(bytes > 16 * BIG.length);
});

test('waiting for a reader ends with the call', async () => {
  using reader = await unread();
  const controller = new AbortController();
  const flooding = flood(new EventStream(reader.response, controller));
  const reason = new Error('gone');
  controller.abort(reason);
  await assert.rejects(flooding, reason);
});
