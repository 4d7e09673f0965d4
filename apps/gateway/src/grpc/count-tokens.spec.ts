import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { ChatService, ContentPartSchema } from '@diptych/contract';
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
