import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, question, service } from './spec/service.ts';

const LONG = { maxTokens: 200, ignoreEos: true };

test('a caller that leaves frees its slot for the next one', async (context) => {
  const { client } = await service(context, { slots: 1, queue: 1 });
  for (let round = 0; round < 5; round += 1) {
    for await (const { event } of client.generate(question('Hello', LONG))) {
      if (event.case === 'delta') break;
    }
  }
  assert.equal((await answer(client, question('Hi', { maxTokens: 3, ignoreEos: true }))).ids.length, 3);
});

test('a caller that leaves the queue makes room in it at once', async (context) => {
  const { client } = await service(context, { slots: 1, queue: 1, context: 1024 });
  const running = client.generate(question('Hello', { maxTokens: 1000, ignoreEos: true }));
  await running.next();
  await running.next();
  for (let round = 0; round < 3; round += 1) {
    const waiting = client.generate(question('Hi', { maxTokens: 1 }));
    assert.equal((await waiting.next()).value?.event.case, 'admitted');
    await waiting.return();
    await answer(client, { prompt: { segments: [{}] } }).catch(() => undefined);
  }
  assert.equal((await running.next()).value?.event.case, 'delta');
  await running.return();
});

test('a queue that is full refuses at once with a retry hint', async (context) => {
  const { client } = await service(context, { slots: 1, queue: 0 });
  const running = client.generate(question('Hello', LONG));
  await running.next();
  await assert.rejects(answer(client, question('Hi')), (error: { code: string; retryAfterMs: number }) => {
    assert.equal(error.code, 'queue_full');
    return error.retryAfterMs > 0;
  });
  await running.return();
});

test('a reader that stops is cut off, its slot goes to the next one', async (context) => {
  const { client } = await service(context, { unreadEvents: 4, slots: 1, context: 1024 });
  const long = { maxTokens: 900, ignoreEos: true, logprobs: 20 };
  const stopped = client.generate(question('Hello', long));
  await stopped.next();
  const next = await answer(client, question('Hi', { maxTokens: 3, ignoreEos: true }));
  assert.equal(next.ids.length, 3);
  await assert.rejects(Array.fromAsync(stopped), {
    code: 'slow_reader',
    message: /read the stream as it comes/,
  });
});

test('a prompt that does not fit the context is refused with the counts', async (context) => {
  const { client } = await service(context, { context: 64 });
  const long = 'a '.repeat(70);
  await assert.rejects(answer(client, question(long)), {
    code: 'context_length_exceeded',
    message: /\d+ tokens.*context is 64 tokens/,
  });
  await assert.rejects(answer(client, question('Hi', { maxTokens: 64 })), {
    code: 'context_length_exceeded',
    param: 'max_tokens',
  });
  await assert.rejects(answer(client, question('x'.repeat(10_000_000))), {
    code: 'context_length_exceeded',
    message: /more than 128 tokens.*context is 64 tokens/,
  });
  assert.equal((await answer(client, question('Hi', { maxTokens: 2, ignoreEos: true }))).ids.length, 2);
});

test('a context longer than the model’s is refused at the start', async (context) => {
  await assert.rejects(service(context, { context: 5000 }), {
    code: 'configuration_invalid',
    message: /at most 1024/,
  });
});

test('sampling parameters out of range are refused by name, and the next request works', async (context) => {
  const { client } = await service(context);
  const wrong = [
    ['temperature', { temperature: 2.5 }],
    ['temperature', { temperature: Number.NaN }],
    ['top_p', { topP: 0 }],
    ['min_p', { minP: 1.5 }],
    ['max_tokens', { maxTokens: 0 }],
    ['stop', { stop: [''] }],
    ['stop', { stop: Array<string>(17).fill('x') }],
    ['logprobs', { logprobs: 21 }],
    ['logit_bias', { logitBias: { 5: 200 } }],
    ['stop_token_ids', { stopTokenIds: [4_000_000_000] }],
  ] as const;
  for (const [param, sampling] of wrong) {
    await assert.rejects(
      answer(
        client,
        question('Hi', { ...sampling, ...('stop' in sampling && { stop: [...sampling.stop] }) } as never),
      ),
      { code: 'invalid_parameter', param },
      param,
    );
  }
  assert.equal((await answer(client, question('Hi', { maxTokens: 2, ignoreEos: true }))).ids.length, 2);
});
