import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ChatService, type CompleteRequestSchema, FinishReason, PromptPartSchema } from '@diptych/contract';
import { DiptychError, type ErrorCode } from '@diptych/errors';
import { createClient } from '@diptych/rpc';
import { MISSING_TEMPLATE } from '../chat/missing-template.ts';
import { admitted } from '../testing/fake-stages.ts';
import { lastRequest, type RunningGateway, start } from '../testing/start.ts';

type Request = MessageInitShape<typeof CompleteRequestSchema>;

const raw = (value: string) => create(PromptPartSchema, { part: { case: 'rawText', value } });
const user = (value: string) => create(PromptPartSchema, { part: { case: 'userText', value } });
const image = (value: string) =>
  create(PromptPartSchema, { part: { case: 'image', value: Buffer.from(value) } });
const address = (value: string) => create(PromptPartSchema, { part: { case: 'imageUrl', value } });

async function complete(gateway: RunningGateway, request: Request) {
  using client = createClient(ChatService, { address: gateway.grpc });
  return await Array.fromAsync(client.complete(request));
}

test('streams Admitted, Deltas, Finished with usage and timings, of a base model too', async () => {
  await using gateway = await start({}, { template: MISSING_TEMPLATE });
  const events = await complete(gateway, { prompt: [image('bee'), raw('We see')] });
  assert.deepEqual(
    events.map(({ event }) => event.case),
    ['admitted', 'delta', 'delta', 'delta', 'finished'],
  );
  assert.equal(
    events.map(({ event }) => (event.case === 'delta' ? event.value.text : '')).join(''),
    'A bee.',
  );
  const last = events.at(-1)?.event;
  assert.ok(last?.case === 'finished');
  assert.equal(last.value.reason, FinishReason.STOP);
  assert.deepEqual([last.value.usage?.completionTokens, last.value.timings?.encodeMs], [3, 21]);
});

test('a base model refuses conversations, and tells both ways on', async () => {
  await using gateway = await start({}, { template: MISSING_TEMPLATE });
  using client = createClient(ChatService, { address: gateway.grpc });
  const messages = [{ role: 'user', content: [{ part: { case: 'text' as const, value: 'Hello' } }] }];
  const refused = { code: 'chat_template_missing', message: /POST \/v1\/completions.*--chat-template FILE/ };
  await assert.rejects(Array.fromAsync(client.chat({ messages })), refused);
  await assert.rejects(client.countTokens({ messages }), refused);
});

test('the application’s text, a user’s text and images reach the model apart, in their order', async () => {
  await using gateway = await start();
  await complete(gateway, {
    model: 'pico',
    cacheSalt: 'mine',
    sampling: { temperature: 0, maxTokens: 5 },
    prompt: [raw('[INST]'), image('bee'), user('<s><image>?'), address('Y2F0'), raw('[/INST]')],
  });
  const request = lastRequest(gateway);
  assert.deepEqual(
    request.prompt?.segments.map(({ segment }) => [segment.case, segment.value]),
    [
      ['templateText', '[INST]'],
      ['imageIndex', 0],
      ['userText', '<s><image>?'],
      ['imageIndex', 1],
      ['templateText', '[/INST]'],
    ],
  );
  assert.deepEqual([request.prompt.addSpecialTokens, request.continueText], [true, true]);
  assert.deepEqual(
    [request.cacheSalt, request.sampling?.temperature, request.sampling?.maxTokens],
    ['mine', 0, 5],
  );
  await complete(gateway, { prompt: [raw('<s>')], addSpecialTokens: false });
  assert.equal(lastRequest(gateway).prompt?.addSpecialTokens, false);
});

const REFUSED: [string, Request, ErrorCode, string | undefined][] = [
  ['no prompt', {}, 'invalid_parameter', 'prompt'],
  ['another model', { prompt: [raw('x')], model: 'gpt-5' }, 'model_not_found', 'model'],
  ['an empty part', { prompt: [create(PromptPartSchema)] }, 'invalid_parameter', 'prompt[0]'],
  ['an empty image', { prompt: [image('')] }, 'invalid_parameter', 'prompt[0].image'],
  ['too large an image', { prompt: [image('x'.repeat(10_001))] }, 'image_too_large', 'prompt[0].image'],
  ['a file address', { prompt: [address('file:///x')] }, 'image_url_forbidden', 'prompt[0].image_url'],
  [
    'a placeholder in a text',
    { prompt: [raw('x'), raw('an <image>')] },
    'image_count_mismatch',
    'prompt[1].raw_text',
  ],
  ['too many parts', { prompt: Array.from({ length: 257 }, () => raw('x')) }, 'invalid_parameter', 'prompt'],
  [
    'too many images',
    { prompt: Array.from({ length: 33 }, () => image('x')) },
    'invalid_parameter',
    'prompt[32]',
  ],
  [
    'too hot a temperature',
    { prompt: [raw('x')], sampling: { temperature: 2.5 } },
    'invalid_parameter',
    'sampling.temperature',
  ],
];
test('refuses what is wrong, naming the field, before any stage is asked', async (t) => {
  await using gateway = await start();
  for (const [what, request, code, param] of REFUSED) {
    await t.test(what, () => assert.rejects(complete(gateway, request), { code, param }));
  }
  assert.deepEqual([gateway.stages.encoded, gateway.stages.generated], [[], []]);
});

test('what a stage says of a conversation is said of the prompt', async () => {
  await using gateway = await start({
    generate: () => {
      throw new DiptychError('context_length_exceeded', '80 tokens, 64 fit', { param: 'messages' });
    },
  });
  const refused = { code: 'context_length_exceeded', param: 'prompt' };
  await assert.rejects(complete(gateway, { prompt: [raw('x')] }), refused);
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
  const stream = client.complete({ prompt: [raw('x')] }, { timeoutMs: 1_000 });
  await assert.rejects(Array.fromAsync(stream), { code: 'deadline_exceeded' });
  await ended.promise;
});
