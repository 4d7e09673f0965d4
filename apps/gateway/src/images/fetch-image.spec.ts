import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { DiptychError, type ErrorCode } from '@diptych/errors';
import { type FetchOptions, imageFetcher } from './fetch-image.ts';

const NEVER = new AbortController().signal;
const DEFAULTS: FetchOptions = { timeoutMs: 10_000, maxBytes: 100, allowPrivate: true };

interface Host extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly seen: string[];
}

async function host(answer: RequestListener): Promise<Host> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? '');
    answer(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await once(server.close(), 'close');
  };
  return { url: `http://127.0.0.1:${port}`, port, seen, [Symbol.asyncDispose]: close };
}

function get(url: string, options: Partial<FetchOptions> = {}, signal = NEVER): Promise<Uint8Array> {
  return imageFetcher({ ...DEFAULTS, ...options })(new URL(url), { param: 'field', signal });
}

async function refusal(url: string, options: Partial<FetchOptions> = {}): Promise<DiptychError> {
  const error: unknown = await get(url, options).then(
    () => assert.fail(`${url} was fetched`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof DiptychError, String(error));
  assert.equal(error.param, 'field');
  return error;
}

test('gets the bytes, asking for them as they are', async () => {
  await using server = await host((request, response) => {
    assert.equal(request.headers['accept-encoding'], 'identity');
    response.end('picture');
  });
  assert.equal(Buffer.from(await get(`${server.url}/bee.png?x=1`)).toString(), 'picture');
  assert.deepEqual(server.seen, ['/bee.png?x=1']);
});

test('every way to write a loopback address is refused before a byte is sent', async () => {
  await using server = await host((_request, response) => response.end('secret'));
  const names = [
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '017700000001',
    '[::ffff:127.0.0.1]',
    '[::1]',
    '0.0.0.0',
  ];
  for (const name of names) {
    const error = await refusal(`http://${name}:${server.port}/`, { allowPrivate: false });
    assert.equal(error.code, 'image_url_forbidden', name);
  }
  assert.deepEqual(server.seen, []);
});

test('a name that resolves to a private address is refused, alone or among public ones', async () => {
  await using server = await host((_request, response) => response.end('secret'));
  for (const answers of [['127.0.0.1'], ['93.184.216.34', '10.0.0.1'], ['::ffff:169.254.169.254']]) {
    const resolve = () => Promise.resolve(answers);
    const error = await refusal(`http://pictures.example:${server.port}/`, { allowPrivate: false, resolve });
    assert.equal(error.code, 'image_url_forbidden');
    assert.match(error.message, /pictures\.example is not a public one/);
    assert.ok(!answers.some((address) => error.message.includes(address)));
  }
  assert.deepEqual(server.seen, []);
});

test('connects to the address that was checked, whatever the name means a moment later', async () => {
  await using server = await host((request, response) => response.end(request.headers.host));
  const answers = [['127.0.0.1'], ['10.255.255.1']];
  const resolve = () => Promise.resolve(answers.shift() ?? []);
  const bytes = await get(`http://pictures.example:${server.port}/`, { resolve });
  assert.equal(Buffer.from(bytes).toString(), `pictures.example:${server.port}`);
  assert.equal(answers.length, 1);
});

test('tries the addresses of a host in turn', async () => {
  await using server = await host((_request, response) => response.end('picture'));
  // Nobody listens at the first two.
  const resolve = () => Promise.resolve(['127.0.0.2', '::1', '127.0.0.1']);
  const bytes = await get(`http://pictures.example:${server.port}/`, { resolve });
  assert.equal(Buffer.from(bytes).toString(), 'picture');
});

test('follows three redirects, and refuses a fourth', async () => {
  await using server = await host((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left === 0) return response.end('picture');
    return response.writeHead(302, { location: `/${left - 1}` }).end();
  });
  assert.equal(Buffer.from(await get(`${server.url}/3`)).toString(), 'picture');
  const error = await refusal(`${server.url}/4`);
  assert.equal(error.code, 'image_fetch_failed');
  assert.match(error.message, /more than 3/);
});

test('each redirect is checked: to a private name, to a file, to credentials', async () => {
  const targets: Record<string, string> = {
    '/private': 'http://inside.example/',
    '/file': 'file:///etc/passwd',
    '/login': 'http://a:b@c/',
  };
  await using server = await host((request, response) => {
    response.writeHead(302, { location: targets[request.url ?? ''] }).end();
  });
  const resolve = (name: string) =>
    Promise.resolve([name === 'inside.example' ? '169.254.169.254' : '127.0.0.1']);
  for (const path of Object.keys(targets)) {
    const error = await refusal(`http://outside.example:${server.port}${path}`, { resolve });
    assert.equal(error.code, 'image_url_forbidden', path);
  }
});

const ANSWERS: [string, RequestListener, ErrorCode, RegExp][] = [
  ['a status other than 200', (_, response) => response.writeHead(404).end(), 'image_fetch_failed', /404/],
  ['a redirect to nowhere', (_, response) => response.writeHead(302).end(), 'image_fetch_failed', /nowhere/],
  [
    'a declared size over the limit',
    (_, response) => response.writeHead(200, { 'content-length': 101 }).write('a'),
    'image_too_large',
    /100 bytes/,
  ],
  [
    'an undeclared size over the limit',
    (_, response) => response.write(Buffer.alloc(101)),
    'image_too_large',
    /100 bytes/,
  ],
  [
    'a compressed body',
    (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('a'),
    'image_fetch_failed',
    /gzip/,
  ],
  [
    'a connection that breaks',
    (_, response) => response.writeHead(200, { 'content-length': 50 }).write('a', () => response.destroy()),
    'image_fetch_failed',
    /connection/,
  ],
];
for (const [what, answer, code, message] of ANSWERS) {
  test(`refuses ${what}`, async () => {
    await using server = await host(answer);
    const error = await refusal(server.url);
    assert.equal(error.code, code);
    assert.match(error.message, message);
  });
}

test('a host that does not answer is given up after the time limit', async () => {
  await using server = await host(() => undefined);
  const error = await refusal(server.url, { timeoutMs: 50 });
  assert.equal(error.code, 'image_fetch_failed');
  assert.match(error.message, /within 50 ms/);
});

test('a host that does not exist, or where nobody listens, is told apart from a bad picture', async () => {
  const nowhere = () => Promise.reject(Object.assign(new Error('no such host'), { code: 'ENOTFOUND' }));
  assert.match((await refusal('http://nowhere.example/', { resolve: nowhere })).message, /does not exist/);
  await using server = await host(() => undefined);
  const { url } = server;
  await server[Symbol.asyncDispose]();
  assert.match((await refusal(url)).message, /connection to the image address failed/);
});

test('the caller’s cancellation ends the fetch with the caller’s reason', async () => {
  const controller = new AbortController();
  const reason = new DiptychError('cancelled', 'gone');
  await using server = await host(() => controller.abort(reason));
  await assert.rejects(get(server.url, {}, controller.signal), reason);
});

test('a name server that never answers is given up after the time limit, or when the caller leaves', async () => {
  // Nothing but the open server keeps this process waiting.
  await using server = await host(() => undefined);
  const url = `http://silent.example:${server.port}/`;
  const controller = new AbortController();
  const reason = new DiptychError('cancelled', 'gone');
  const silent = () => new Promise<never>(() => undefined);
  const error = await refusal(url, { timeoutMs: 50, resolve: silent });
  assert.equal(error.code, 'image_fetch_failed');
  assert.match(error.message, /within 50 ms/);
  const asked = () => {
    controller.abort(reason);
    return silent();
  };
  await assert.rejects(get(url, { resolve: asked }, controller.signal), reason);
  await assert.rejects(get(url, { resolve: silent }, controller.signal), reason);
});

test('the time limit and the caller also end a body that does not', async () => {
  const controller = new AbortController();
  const reason = new DiptychError('cancelled', 'gone');
  await using server = await host(({ url }, response) => {
    response.writeHead(200).write('pic', () => url === '/leave' && controller.abort(reason));
  });
  assert.match((await refusal(server.url, { timeoutMs: 100 })).message, /within 100 ms/);
  await assert.rejects(get(`${server.url}/leave`, {}, controller.signal), reason);
});
