import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type ChatRequestSchema,
  ChatService,
  ContentPartSchema,
  FinishReason,
  ImageEmbeddingSchema,
} from '@diptych/contract';
import type { ErrorCode } from '@diptych/errors';
import { createClient } from '@diptych/rpc';
import { admitted, delta, say } from '../testing/fake-stages.ts';
import { lastRequest, type RunningGateway, start } from '../testing/start.ts';

type Request = MessageInitShape<typeof ChatRequestSchema>;

const text = (value: string) => create(ContentPartSchema, { part: { case: 'text', value } });
const image = (value: string) =>
  create(ContentPartSchema, { part: { case: 'image', value: Buffer.from(value) } });
const address = (value: string) => create(ContentPartSchema, { part: { case: 'imageUrl', value } });
const user = (...content: ReturnType<typeof text>[]) => ({ messages: [{ role: 'user', content }] });

async function chat(gateway: RunningGateway, request: Request) {
  using client = createClient(ChatService, { address: gateway.grpc });
  return await Array.fromAsync(client.chat(request));
}

test('streams Admitted, Deltas, Finished with usage and timings of both stages', async () => {
  await using gateway = await start();
  const events = await chat(gateway, user(image('bee'), text('What do we see?')));
  assert.deepEqual(
    events.map(({ event }) => event.case),
    ['admitted', 'delta', 'delta', 'delta', 'finished'],
  );
  assert.equal(
    events.map(({ event }) => (event.case === 'delta' ? event.value.text : '')).join(''),
    'A bee.',
  );
  const [first, last] = [events[0]?.event, events.at(-1)?.event];
  assert.ok(first?.case === 'admitted' && last?.case === 'finished');
  assert.deepEqual([first.value.promptTokens, first.value.imageTokens, first.value.seed], [11, 4, 5n]);
  assert.equal(last.value.reason, FinishReason.STOP);
  assert.deepEqual([last.value.usage?.completionTokens, last.value.usage?.cachedTokens], [3, 2]);
  const timings = last.value.timings;
  assert.deepEqual(
    [timings?.decodeResizeMs, timings?.encodeMs, timings?.queueMs, timings?.decodeMs],
    [3, 21, 1, 9],
  );
});

test('images by value and by data URI reach the model in their order', async () => {
  await using gateway = await start();
  await chat(gateway, {
    model: 'pico',
    cacheSalt: 'mine',
    sampling: { temperature: 0, maxTokens: 5 },
    messages: [
      { role: 'user', content: [image('bee'), text('?')] },
      { role: 'assistant', content: [text('A bee.')] },
      { role: 'user', content: [address('data:image/png;base64,Y2F0')] },
    ],
  });
  const request = lastRequest(gateway);
  assert.deepEqual(
    request.images.map(({ digest }) => Buffer.from(digest).toString()),
    ['bee', 'cat'],
  );
  assert.deepEqual(
    [request.cacheSalt, request.sampling?.temperature, request.sampling?.maxTokens],
    ['mine', 0, 5],
  );
});

const REFUSED: [string, Request, ErrorCode, string | undefined][] = [
  ['no messages', {}, 'invalid_parameter', 'messages'],
  ['another model', { ...user(text('x')), model: 'gpt-5' }, 'model_not_found', 'model'],
  [
    'a role that is none',
    { messages: [{ role: 'tool', content: [text('x')] }] },
    'invalid_parameter',
    'messages[0].role',
  ],
  ['a turn without content', user(), 'invalid_parameter', 'messages[0].content'],
  ['an empty part', user(create(ContentPartSchema)), 'invalid_parameter', 'messages[0].content[0]'],
  ['an empty image', user(image('')), 'invalid_parameter', 'messages[0].content[0].image'],
  ['too large an image', user(image('x'.repeat(10_001))), 'image_too_large', 'messages[0].content[0].image'],
  [
    'a file address',
    user(address('file:///etc/passwd')),
    'image_url_forbidden',
    'messages[0].content[0].image_url',
  ],
  [
    'an image of the assistant',
    { messages: [{ role: 'assistant', content: [image('x')] }] },
    'invalid_parameter',
    'messages[0].content[0]',
  ],
  [
    'too hot a temperature',
    { ...user(text('x')), sampling: { temperature: 2.5 } },
    'invalid_parameter',
    'sampling.temperature',
  ],
  [
    'a temperature that is no number',
    { ...user(text('x')), sampling: { temperature: NaN } },
    'invalid_parameter',
    'sampling.temperature',
  ],
];
test('refuses what is wrong, naming the field, before any stage is asked', async (t) => {
  await using gateway = await start();
  for (const [what, request, code, param] of REFUSED) {
    await t.test(what, () => assert.rejects(chat(gateway, request), { code, param }));
  }
  assert.deepEqual([gateway.stages.encoded, gateway.stages.generated], [[], []]);
});

test('a client that cancels cancels the generation', async () => {
  const cancelled = Promise.withResolvers<undefined>();
  await using gateway = await start({
    generate: async function* (_request, { signal }) {
      yield admitted();
      yield delta('A');
      await once(signal, 'abort');
      cancelled.resolve(undefined);
    },
  });
  using client = createClient(ChatService, { address: gateway.grpc });
  const controller = new AbortController();
  const stream = client.chat(user(text('x')), { signal: controller.signal });
  await stream.next();
  controller.abort();
  await assert.rejects(Array.fromAsync(stream), { code: 'cancelled' });
  await cancelled.promise;
});

test('a client’s deadline ends the generation', async () => {
  const ended = Promise.withResolvers<undefined>();
  await using gateway = await start({
    generate: async function* (_request, { signal }) {
      yield admitted();
      await once(signal, 'abort');
      ended.resolve(undefined);
    },
  });
  using client = createClient(ChatService, { address: gateway.grpc });
  const stream = client.chat(user(text('x')), { timeoutMs: 1_000 });
  await assert.rejects(Array.fromAsync(stream), { code: 'deadline_exceeded' });
  await ended.promise;
});

test('an answer that takes longer than the gateway allows ends, whatever its caller allows', async () => {
  const fake = {
    generate: async function* (_request: unknown, { signal }: { signal: AbortSignal }) {
      yield admitted();
      await once(signal, 'abort');
    },
  };
  await using gateway = await start(fake, { requestTimeoutMs: 100 });
  await assert.rejects(chat(gateway, user(text('x'))), { code: 'deadline_exceeded' });
});

test('both stages are told until when the answer is waited for: the earlier of both limits', async () => {
  const left: number[] = [];
  const note = ({ deadline }: { deadline: Date | undefined }) =>
    left.push((deadline?.getTime() ?? Infinity) - Date.now());
  await using gateway = await start({
    encode: (_request, call) => {
      note(call);
      return Promise.resolve(create(ImageEmbeddingSchema));
    },
    generate: (_request, call) => {
      note(call);
      return say('A');
    },
  });
  using client = createClient(ChatService, { address: gateway.grpc });
  const asked = user(image('bee'));
  await Array.fromAsync(client.chat(asked));
  await Array.fromAsync(client.chat(asked, { timeoutMs: 20_000 }));
  const sooner = left.map((ms) => (ms <= 21_000 ? 'caller' : ms <= 61_000 ? 'gateway' : 'none'));
  assert.deepEqual(sooner, ['gateway', 'gateway', 'caller', 'caller']);
});

test('a stage that is down is named', async () => {
  await using gateway = await start();
  await gateway.stages.stopVision();
  await assert.rejects(chat(gateway, user(image('bee'))), {
    code: 'stage_unavailable',
    message: /vision-service/,
  });
  assert.equal((await chat(gateway, user(text('x')))).length, 5);
});

test('REST and gRPC share the places', async () => {
  const fake = {
    generate: async function* (_request: unknown, { signal }: { signal: AbortSignal }) {
      yield admitted();
      await once(signal, 'abort');
    },
  };
  await using gateway = await start(fake, { maxRequests: 1, graceMs: 0 });
  using client = createClient(ChatService, { address: gateway.grpc });
  const stream = client.chat(user(text('x')));
  await stream.next();
  await assert.rejects(chat(gateway, user(text('x'))), { code: 'queue_full', retryAfterMs: 1000 });
  await stream.return();
});
