import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { createLogger } from '@diptych/telemetry';
import { post, question, type RunningGateway, start } from '../testing/start.ts';

async function refusal(response: Response) {
  const body = (await response.json()) as {
    error: { code: string; type: string; message: string; param: unknown };
  };
  assert.deepEqual(Object.keys(body), ['error']);
  assert.deepEqual(Object.keys(body.error), ['message', 'type', 'param', 'code']);
  return { status: response.status, ...body.error };
}

const JSON_TYPE = { 'content-type': 'application/json' };

const BAD_BODIES: [string, RequestInit, number, string, RegExp][] = [
  ['half of a JSON object', { body: '{"model":' }, 400, 'malformed_request', /not JSON/],
  ['an empty body', { body: '' }, 400, 'malformed_request', /not JSON/],
  [
    'bytes that are no UTF-8',
    { body: Buffer.from([0x22, 0xff, 0x22]) },
    400,
    'malformed_request',
    /not JSON/,
  ],
  ['no body', { headers: {} }, 400, 'malformed_request', /JSON object/],
  ['a list', { body: '[]' }, 400, 'malformed_request', /JSON object/],
  [
    'a form',
    { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    400,
    'malformed_request',
    /application\/json/,
  ],
  ['more than fits', { body: ' '.repeat(100_001) }, 413, 'request_too_large', /100000 bytes/],
  [
    'prototype pollution',
    { body: '{"__proto__":{"stream":true}}' },
    400,
    'invalid_parameter',
    /model is missing/,
  ],
];
test('refuses a bad body, and answers the next request', async (t) => {
  await using gateway = await start();
  for (const [what, init, status, code, message] of BAD_BODIES) {
    await t.test(what, async () => {
      const sent = { method: 'POST', headers: JSON_TYPE, ...init };
      const error = await refusal(await fetch(`${gateway.url}/v1/chat/completions`, sent));
      assert.deepEqual([error.status, error.code, error.type], [status, code, 'invalid_request_error']);
      assert.match(error.message, message);
      assert.equal((await post(gateway, question())).status, 200);
    });
  }
});

test('an unknown path is an error of OpenAI’s shape, a wrong method names the right one', async () => {
  await using gateway = await start();
  const paths: [string, string, number, string][] = [
    ['GET', '/', 404, 'not_found'],
    ['POST', '/v1/embeddings', 404, 'not_found'],
    ['GET', '/v1/%zz', 404, 'not_found'],
    ['GET', '/v1/chat/completions', 405, 'method_not_allowed'],
    ['DELETE', '/v1/models/pico', 405, 'method_not_allowed'],
    ['POST', '/readyz', 405, 'method_not_allowed'],
  ];
  for (const [method, path, status, code] of paths) {
    const error = await refusal(await fetch(gateway.url + path, { method }));
    assert.deepEqual([error.status, error.code], [status, code], `${method} ${path}`);
  }
  const refused = await fetch(`${gateway.url}/v1/chat/completions`);
  assert.equal(refused.headers.get('allow'), 'POST');
});

test('what is no HTTP is told so in the same shape', async () => {
  await using gateway = await start();
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.write('bee bee bee\r\n\r\n');
  const answer = await text(socket);
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /"code":"malformed_request"/);
});

test('every answer has a request id: the caller’s where it is a plain one', async () => {
  await using gateway = await start();
  const ask = async (id: string) =>
    (await fetch(`${gateway.url}/healthz`, { headers: { 'x-request-id': id } })).headers.get('x-request-id');
  assert.equal(await ask('my-id.7'), 'my-id.7');
  assert.match((await ask('{"a":1}')) ?? '', /^req_[0-9a-f-]{36}$/);
  for (const path of ['/nothing', '/v1/%zz']) {
    assert.match((await fetch(gateway.url + path)).headers.get('x-request-id') ?? '', /^req_/, path);
  }
});

test('an error of ours is logged with its stack and tells the caller nothing of it', async () => {
  const lines: string[] = [];
  const failing = { render: () => assert.fail('the template is broken') };
  await using gateway = await startLogged(lines, { template: failing });
  const error = await refusal(await post(gateway, question()));
  assert.deepEqual([error.status, error.code, error.type], [500, 'internal', 'server_error']);
  assert.ok(!error.message.includes('template'));
  assert.match(lines.join(''), /the template is broken/);
});

test('the log says what happened, and nothing of what was said', async () => {
  const lines: string[] = [];
  await using gateway = await startLogged(lines);
  const messages = [{ role: 'user', content: 'my secret' }];
  await (await post(gateway, question({ messages, stop: 'my secret' }))).text();
  const refused = await refusal(await post(gateway, question({ messages, temperature: 'my secret' })));
  assert.match(refused.message, /got "my secret"/);
  await gateway.stop();
  const log = lines.join('');
  assert.match(log, /"route":"\/v1\/chat\/completions","status":200/);
  assert.match(log, /"code":"invalid_parameter","param":"temperature"/);
  assert.ok(!log.includes('secret'));
});

function startLogged(lines: string[], options: Parameters<typeof start>[1] = {}): Promise<RunningGateway> {
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  return start({}, { ...options, logger: createLogger({ name: 'gateway', level: 'debug', stream }) });
}
