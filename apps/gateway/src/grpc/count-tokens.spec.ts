import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { ChatService, ContentPartSchema } from '@diptych/contract';
import { reasonOf } from '@diptych/errors';
import { createClient } from '@diptych/rpc';
import { start } from '../testing/start.ts';

const image = (value: string) =>
  create(ContentPartSchema, { part: { case: 'image', value: Buffer.from(value) } });

test('counts the rendered prompt with the layouts of its images, and generates nothing', async () => {
  await using gateway = await start({
    countTokens: ({ prompt, imageLayouts }) => (prompt?.segments.length ?? 0) * 10 + imageLayouts.length,
  });
  using client = createClient(ChatService, { address: gateway.grpc });
  const messages = [{ role: 'user', content: [image('bee'), image('cat')] }];
  const counts = await client.countTokens({ messages });
  assert.deepEqual([counts.promptTokens, counts.imageTokens], [32, 4]);
  assert.deepEqual(
    counts.imageLayouts.map(({ tileTokens }) => tileTokens),
    [[4], [4]],
  );
  assert.deepEqual(gateway.stages.generated, []);
});

test('refuses what Chat refuses', async () => {
  await using gateway = await start();
  using client = createClient(ChatService, { address: gateway.grpc });
  await assert.rejects(client.countTokens({ model: 'gpt-5' }), { code: 'model_not_found' });
  await assert.rejects(client.countTokens({}), { code: 'invalid_parameter', param: 'messages' });
});

test('counting has the time of an answer, and tells the stage', async () => {
  let left = Infinity;
  await using gateway = await start(
    {
      encode: (_request, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(reasonOf(signal)))),
      countTokens: (_request, { deadline }) => {
        left = (deadline?.getTime() ?? Infinity) - Date.now();
        return 7;
      },
    },
    { requestTimeoutMs: 1_000 },
  );
  using client = createClient(ChatService, { address: gateway.grpc });
  const count = (part: ReturnType<typeof image>) =>
    client.countTokens({ messages: [{ role: 'user', content: [part] }] });
  await count(create(ContentPartSchema, { part: { case: 'text', value: 'x' } }));
  assert.ok(left <= 1_000);
  await assert.rejects(count(image('bee')), { code: 'deadline_exceeded' });
});
