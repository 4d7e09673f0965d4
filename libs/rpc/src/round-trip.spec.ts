import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LanguageService, VisionService } from '@diptych/contract';
import { createClient } from './client.ts';
import { RpcServer } from './server.ts';
import { delta, serve, texts } from './spec/serve.ts';

test('a unary call brings the request to the handler and its answer back', async (context) => {
  const { vision } = await serve(context, {
    encodeImage: async (request, call) => ({
      embedding: { digest: request.image.subarray(1) },
      cacheHit: call.deadline !== undefined,
    }),
  });
  const answer = await vision.encodeImage({ image: Uint8Array.of(1, 2, 3) });
  assert.deepEqual([...(answer.embedding?.digest ?? [])], [2, 3]);
  assert.equal(answer.cacheHit, false);
});

test('a stream brings every message in order', async (context) => {
  const expected = Array.from({ length: 100 }, (_, index) => `token ${index}`);
  const { language } = await serve(context, {
    async *generate() {
      for (const text of expected) yield delta(text);
    },
  });
  assert.deepEqual(await texts(language.generate({})), expected);
});

test('an empty stream ends', async (context) => {
  const { language } = await serve(context, {});
  assert.deepEqual(await texts(language.generate({})), []);
});

test('a service whose handler is missing is refused when it is added', () => {
  const server = new RpcServer({ address: '127.0.0.1:0' });
  const handlers = { generate: undefined } as never;
  assert.throws(() => server.add(LanguageService, handlers), /LanguageService\.Generate has no handler/);
});

test('an address that is taken is one clear error', async (context) => {
  const { address } = await serve(context, {});
  await assert.rejects(new RpcServer({ address }).start(), {
    code: 'configuration_invalid',
    message: new RegExp(`Cannot listen on ${address}`),
  });
});

test('a client finds a service that starts later', async (context) => {
  const first = await serve(context, {});
  await first.server.shutdown(0);
  assert.equal(await first.vision.health(), 'unreachable');
  const again = new RpcServer({ address: first.address });
  again.add(VisionService, {
    encodeImage: async () => ({}),
    getModel: async () => ({ model: { id: 'second' } }),
  });
  await again.start();
  context.after(() => again.shutdown(0));
  await first.vision.waitForReady({ timeoutMs: 20_000 });
  assert.equal((await first.vision.getModel({})).model?.id, 'second');
});

test('waiting for a service that never comes ends with one error', async () => {
  using client = createClient(VisionService, { address: '127.0.0.1:1', name: 'vision-service' });
  await assert.rejects(client.waitForReady({ timeoutMs: 100 }), {
    code: 'stage_unavailable',
    message: 'vision-service at 127.0.0.1:1 does not answer after 100 ms.',
  });
  await assert.rejects(client.getModel({}), {
    code: 'stage_unavailable',
    message: /vision-service .* does not answer/,
  });
});
