import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { FinishReason } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import { MISSING_TEMPLATE } from '../chat/missing-template.ts';
import { admitted, delta, finished, say } from '../testing/fake-stages.ts';
import { readEvents, textOf } from '../testing/read-events.ts';
import { continuation, lastRequest, post, postPrompt, question, start } from '../testing/start.ts';

const BEE = 'data:image/png;base64,YmVl';

interface Completion {
  readonly id: string;
  readonly created: number;
  readonly choices: readonly { text: string; finish_reason: string; logprobs: unknown }[];
  readonly usage: object;
  readonly timings: Readonly<Record<string, number>>;
}

async function complete(response: Response): Promise<Completion> {
  assert.equal(response.status, 200);
  return (await response.json()) as Completion;
}

async function refusal(response: Response) {
  const { error } = (await response.json()) as { error: { code: string; param: string; message: string } };
  return { status: response.status, ...error };
}

test('continues a prompt as one object of OpenAI’s shape', async () => {
  await using gateway = await start();
  const { id, created, timings, ...rest } = await complete(
    await postPrompt(gateway, continuation({ temperature: 0, stop: 'x', seed: 3 })),
  );
  assert.match(id, /^cmpl-[0-9a-f]{32}$/);
  assert.ok(Math.abs(created - Date.now() / 1000) < 60);
  assert.deepEqual(rest, {
    object: 'text_completion',
    model: 'pico',
    system_fingerprint: 'fp_f00dcafef0',
    choices: [{ index: 0, text: 'A bee.', logprobs: null, finish_reason: 'stop' }],
    usage: {
      prompt_tokens: 11,
      completion_tokens: 3,
      total_tokens: 14,
      prompt_tokens_details: { cached_tokens: 2, image_tokens: 4, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 0,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
  });
  assert.ok((timings['ttft'] ?? 0) > 0);
  const { sampling } = lastRequest(gateway);
  assert.deepEqual([sampling?.temperature, sampling?.seed, sampling?.stop], [0, 3n, ['x']]);
});

test('a stream says the same text in chunks of the same shape, and ends with [DONE]', async () => {
  await using gateway = await start();
  const { events, done } = await readEvents(await postPrompt(gateway, continuation({ stream: true })));
  assert.ok(done);
  assert.deepEqual(
    events.map(({ choices }) => choices),
    [
      ...['A', ' bee', '.'].map((text) => [{ index: 0, text, logprobs: null, finish_reason: null }]),
      [{ index: 0, text: '', logprobs: null, finish_reason: 'stop' }],
    ],
  );
  assert.ok(events.every((event) => Reflect.get(event, 'object') === 'text_completion'));
  assert.ok(events.every((event) => !('usage' in event)));
});

test('with include_usage, the last chunk alone carries usage and timings', async () => {
  await using gateway = await start();
  const options = { stream: true, stream_options: { include_usage: true } };
  const { events } = await readEvents(await postPrompt(gateway, continuation(options)));
  const last = events.pop();
  assert.deepEqual(last?.choices, []);
  assert.equal(Reflect.get(last.usage ?? {}, 'total_tokens'), 14);
  assert.ok(last.timings);
  assert.ok(events.every(({ usage, timings }) => usage === null && timings === undefined));
});

test('a prompt is template text with its images at their placeholders, as the reference’s processors take it', async () => {
  await using gateway = await start();
  const prompt = '<s>User:<image> and <image>\nAssistant:';
  await complete(
    await postPrompt(gateway, continuation({ prompt, images: [BEE, { url: 'Y2F0', detail: 'low' }] })),
  );
  const request = lastRequest(gateway);
  assert.deepEqual(
    request.prompt?.segments.map(({ segment }) => segment),
    [
      { case: 'templateText', value: '<s>User:' },
      { case: 'imageIndex', value: 0 },
      { case: 'templateText', value: ' and ' },
      { case: 'imageIndex', value: 1 },
      { case: 'templateText', value: '\nAssistant:' },
    ],
  );
  assert.deepEqual(
    request.images.map(({ digest }) => Buffer.from(digest).toString()),
    ['bee', 'cat'],
  );
  const splits = gateway.stages.encoded.map(({ options }) => options?.split);
  assert.deepEqual(new Set(splits), new Set([undefined, false]));
  assert.deepEqual([request.prompt.addSpecialTokens, request.continueText], [true, true]);
  await complete(await postPrompt(gateway, continuation({ add_special_tokens: false })));
  assert.equal(lastRequest(gateway).prompt?.addSpecialTokens, false);
});

test('a conversation leaves special tokens to its template', async () => {
  await using gateway = await start();
  await post(gateway, question());
  const { prompt, continueText } = lastRequest(gateway);
  assert.deepEqual([prompt?.addSpecialTokens, continueText], [undefined, false]);
});

test('a base model answers prompts, and tells a conversation both ways on', async () => {
  await using gateway = await start({}, { template: MISSING_TEMPLATE });
  const { status, code, param, message } = await refusal(await post(gateway, question()));
  assert.deepEqual([status, code, param], [400, 'chat_template_missing', 'messages']);
  assert.match(message, /POST \/v1\/completions.*--chat-template FILE/);
  assert.deepEqual(gateway.stages.generated, []);
  assert.equal((await complete(await postPrompt(gateway, continuation()))).choices[0]?.text, 'A bee.');
});

test('log probabilities come in lists side by side, streamed or not', async () => {
  const token = (text: string | Buffer, logprob: number) => ({
    tokenId: 1,
    token: Buffer.from(text),
    logprob,
  });
  const euro = Buffer.from('€');
  const [first, second] = [euro.subarray(0, 2), euro.subarray(2)];
  await using gateway = await start({
    generate: async function* () {
      yield admitted();
      const a = { chosen: token(' a', -0.5), top: [token(' a', -0.5), token('z', -Infinity)] };
      const b = { chosen: token(first, -1), top: [token('b', -0.25)] };
      yield { event: { case: 'delta', value: { text: ' a', tokenIds: [1, 2], logprobs: [a, b] } } };
      const c = { chosen: token(second, -2), top: [] };
      yield { event: { case: 'delta', value: { text: '€', tokenIds: [3], logprobs: [c] } } };
      yield finished(3);
    },
  });
  const wanted = { prompt: 'Ünd 🐝', logprobs: 2 };
  const { choices } = await complete(await postPrompt(gateway, continuation(wanted)));
  assert.deepEqual(choices[0]?.logprobs, {
    tokens: [' a', 'bytes:\\xe2\\x82', 'bytes:\\xac'],
    token_logprobs: [-0.5, -1, -2],
    top_logprobs: [{ ' a': -0.5, z: -9999 }, { b: -0.25, 'bytes:\\xe2\\x82': -1 }, { 'bytes:\\xac': -2 }],
    text_offset: [5, 7, 7],
  });
  const { events } = await readEvents(await postPrompt(gateway, continuation({ ...wanted, stream: true })));
  const offsets = events.map(({ choices: [choice] = [] }): unknown =>
    Reflect.get(choice?.logprobs ?? {}, 'text_offset'),
  );
  assert.deepEqual(offsets, [[5, 7], [7], undefined]);
  assert.equal(gateway.stages.generated[0]?.sampling?.logprobs, 2);
});

test('two continuations of one prompt come side by side, from two seeds', async () => {
  await using gateway = await start({
    generate: ({ sampling }) => (sampling?.seed === 5n ? say('A', ' bee') : say('One', ' bee', '!')),
  });
  const whole = await complete(await postPrompt(gateway, continuation({ n: 2, seed: 5 })));
  assert.deepEqual(
    whole.choices.map(({ text }) => text),
    ['A bee', 'One bee!'],
  );
  const streamed = await postPrompt(gateway, continuation({ n: 2, seed: 5, stream: true }));
  const { events } = await readEvents(streamed);
  assert.deepEqual([textOf(events, 0), textOf(events, 1)], ['A bee', 'One bee!']);
});

test('a continuation ends after 16 tokens unless told otherwise, and says so', async () => {
  await using gateway = await start({
    generate: async function* () {
      yield admitted();
      yield delta('A');
      yield finished(1, FinishReason.LENGTH);
    },
  });
  const completion = await complete(await postPrompt(gateway, continuation()));
  assert.equal(completion.choices[0]?.finish_reason, 'length');
  assert.equal(lastRequest(gateway).sampling?.maxTokens, 16);
});

test('what a stage says of a conversation is said of the prompt', async () => {
  await using gateway = await start({
    generate: () => {
      throw new DiptychError('context_length_exceeded', '80 tokens, 64 fit', { param: 'messages' });
    },
  });
  for (const stream of [false, true]) {
    const { status, code, param } = await refusal(await postPrompt(gateway, continuation({ stream })));
    assert.deepEqual([status, code, param], [400, 'context_length_exceeded', 'prompt']);
  }
});

test('what a stage says of an image names the image', async () => {
  await using gateway = await start({
    encode: () => Promise.reject(new DiptychError('image_not_decodable', 'no image')),
  });
  const answer = await postPrompt(gateway, continuation({ prompt: '<image>', images: [{ url: BEE }] }));
  const { code, param } = await refusal(answer);
  assert.deepEqual([code, param], ['image_not_decodable', 'images[0]']);
});

test('a client that leaves cancels the generation', async () => {
  const cancelled = Promise.withResolvers<DiptychError>();
  await using gateway = await start({
    generate: async function* (_request, { signal }) {
      yield admitted();
      yield delta('A');
      await once(signal, 'abort');
      cancelled.resolve(signal.reason as DiptychError);
      throw signal.reason;
    },
  });
  const controller = new AbortController();
  const init = { signal: controller.signal };
  const response = await postPrompt(gateway, continuation({ stream: true }), init);
  await response.body?.getReader().read();
  controller.abort();
  assert.equal((await cancelled.promise).code, 'cancelled');
});

test('prompts and conversations share the places', async () => {
  const release = Promise.withResolvers<undefined>();
  const fake = {
    generate: async function* () {
      yield admitted();
      yield delta('A');
      await release.promise;
      yield finished(1);
    },
  };
  await using gateway = await start(fake, { maxRequests: 1 });
  const running = await postPrompt(gateway, continuation({ stream: true }));
  assert.equal((await refusal(await post(gateway, question()))).code, 'queue_full');
  assert.equal((await refusal(await postPrompt(gateway, continuation()))).code, 'queue_full');
  release.resolve(undefined);
  assert.ok((await readEvents(running)).done);
});

test('other methods name the right one', async () => {
  await using gateway = await start();
  const response = await fetch(`${gateway.url}/v1/completions`);
  assert.equal(response.headers.get('allow'), 'POST');
  assert.equal((await refusal(response)).code, 'method_not_allowed');
});
