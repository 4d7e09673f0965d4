import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { FinishReason, ImageEmbeddingSchema } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import { admitted, delta, finished, say } from '../testing/fake-stages.ts';
import { readEvents, textOf } from '../testing/read-events.ts';
import { lastRequest, post, question, start } from '../testing/start.ts';

const BEE = 'data:image/png;base64,YmVl';
const CAT = 'data:image/png;base64,Y2F0';

const picture = (url: string) => ({ type: 'image_url', image_url: { url } });
const ask = (...content: object[]) => question({ messages: [{ role: 'user', content }] });

interface Completion {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly { message: { content: string }; finish_reason: string; logprobs: unknown }[];
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

test('answers a question as one object of OpenAI’s shape', async () => {
  await using gateway = await start();
  const completion = await complete(await post(gateway, question({ temperature: 0, stop: 'x', seed: 3 })));
  const { id, created, timings, ...rest } = completion;
  assert.match(id, /^chatcmpl-[0-9a-f]{32}$/);
  assert.ok(Math.abs(created - Date.now() / 1000) < 60);
  assert.deepEqual(rest, {
    object: 'chat.completion',
    model: 'pico',
    system_fingerprint: 'fp_f00dcafef0',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'A bee.', refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
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
  const { ttft, ...stages } = timings;
  assert.ok(ttft !== undefined && ttft > 0);
  assert.deepEqual(stages, { fetch: 0, decode_resize: 0, encode: 0, queue: 1, prefill: 5, decode: 9 });
  const request = lastRequest(gateway);
  assert.deepEqual(
    request.prompt?.segments.map(({ segment }) => segment),
    [
      { case: 'templateText', value: '<user>' },
      { case: 'userText', value: 'What do we see?' },
    ],
  );
  assert.deepEqual([request.sampling?.temperature, request.sampling?.seed], [0, 3n]);
  assert.deepEqual(request.sampling?.stop, ['x']);
});

test('a stream says the same text, chunk by chunk, and ends with [DONE]', async () => {
  await using gateway = await start();
  const response = await post(gateway, question({ stream: true }));
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const { events, done } = await readEvents(response);
  assert.ok(done);
  assert.equal(textOf(events), 'A bee.');
  const choices = events.map(({ choices: [choice] = [] }) => choice);
  assert.deepEqual(choices[0]?.delta, { role: 'assistant', content: '', refusal: null });
  assert.deepEqual(
    choices.map((choice) => choice?.finish_reason),
    [null, null, null, null, 'stop'],
  );
  assert.deepEqual(choices.at(-1)?.delta, {});
  assert.ok(events.every((event) => !('usage' in event)));
});

test('with include_usage, the last chunk alone carries usage and timings', async () => {
  await using gateway = await start();
  const options = { stream: true, stream_options: { include_usage: true } };
  const { events } = await readEvents(await post(gateway, question(options)));
  const last = events.pop();
  assert.deepEqual(last?.choices, []);
  assert.equal(Reflect.get(last.usage ?? {}, 'total_tokens'), 14);
  assert.ok(last.timings);
  assert.ok(events.every(({ usage, timings }) => usage === null && timings === undefined));
});

test('images reach the model in their order, each encoded from its own bytes', async () => {
  await using gateway = await start();
  const messages = [
    { role: 'user', content: [picture(BEE), { type: 'text', text: 'What do we see?' }] },
    { role: 'assistant', content: 'A bee.' },
    { role: 'user', content: [{ type: 'text', text: 'And here?' }, picture('Y2F0')] },
  ];
  const completion = await complete(await post(gateway, question({ messages })));
  const request = lastRequest(gateway);
  assert.deepEqual(
    request.images.map(({ digest }) => Buffer.from(digest).toString()),
    ['bee', 'cat'],
  );
  assert.deepEqual(
    request.prompt?.segments.map(({ segment: { value } }) => value),
    ['<user>', 0, 'What do we see?', '<assistant>', 'A bee.', '<user>', 'And here?', 1],
  );
  const { decode_resize, encode } = completion.timings;
  assert.deepEqual([decode_resize, encode], [3, 21]);
});

test('detail low and high decide whether an image is cut into tiles, auto leaves it to the checkpoint', async () => {
  await using gateway = await start();
  const details = ['low', 'high', 'auto'].map((detail) => ({
    type: 'image_url',
    image_url: { url: CAT, detail },
  }));
  await complete(await post(gateway, ask(...details)));
  const splits = gateway.stages.encoded.map(({ options }) => options?.split);
  assert.deepEqual(new Set(splits), new Set([false, true, undefined]));
});

test('an image is fetched from its address and the time told', async () => {
  await using gateway = await start({}, { resolve: () => Promise.resolve([]) });
  // The gateway serves as the host of the picture: what the bytes are is for the vision-service to see.
  const completion = await complete(await post(gateway, ask(picture(`${gateway.url}/healthz`))));
  assert.equal(Buffer.from(gateway.stages.encoded[0]?.image ?? []).toString(), '{"status":"alive"}');
  assert.ok((completion.timings['fetch'] ?? 0) > 0);
});

test('log probabilities come with each token, its bytes and the alternatives', async () => {
  const token = (text: string, logprob: number) => ({ tokenId: 1, token: Buffer.from(text), logprob });
  const logprobs = [{ chosen: token('é', -0.5), top: [token('é', -0.5), token('z', -Infinity)] }];
  await using gateway = await start({
    generate: async function* () {
      yield admitted();
      yield { event: { case: 'delta', value: { text: 'é', tokenIds: [1], logprobs } } };
      yield finished(1);
    },
  });
  const candidates = [
    { token: 'é', logprob: -0.5, bytes: [195, 169] },
    { token: 'z', logprob: -9999, bytes: [122] },
  ];
  const expected = { content: [{ ...candidates[0], top_logprobs: candidates }], refusal: null };
  const wanted = { logprobs: true, top_logprobs: 2 };
  const completion = await complete(await post(gateway, question(wanted)));
  assert.deepEqual(completion.choices[0]?.logprobs, expected);
  const { events } = await readEvents(await post(gateway, question({ ...wanted, stream: true })));
  assert.deepEqual(events[1]?.choices?.[0]?.logprobs, expected);
  assert.equal(gateway.stages.generated[0]?.sampling?.logprobs, 2);
});

test('an answer cut short by its limit says so', async () => {
  await using gateway = await start({
    generate: async function* () {
      yield admitted();
      yield delta('A');
      yield finished(1, FinishReason.LENGTH);
    },
  });
  const completion = await complete(await post(gateway, question({ max_tokens: 1 })));
  assert.equal(completion.choices[0]?.finish_reason, 'length');
});

test('two answers to one prompt come side by side, from two seeds', async () => {
  await using gateway = await start({
    generate: ({ sampling }) => (sampling?.seed === 5n ? say('A', ' bee') : say('One', ' bee', '!')),
  });
  const completion = await complete(await post(gateway, ask(picture(BEE), { type: 'text', text: '?' })));
  assert.equal(completion.choices.length, 1);
  const whole = await complete(await post(gateway, question({ n: 2, seed: 5 })));
  assert.deepEqual(
    whole.choices.map(({ message }) => message.content),
    ['A bee', 'One bee!'],
  );
  assert.equal(Reflect.get(whole.usage, 'completion_tokens'), 5);
  assert.equal(Reflect.get(whole.usage, 'prompt_tokens'), 11);
  const { events, done } = await readEvents(await post(gateway, question({ n: 2, seed: 5, stream: true })));
  assert.ok(done);
  assert.deepEqual([textOf(events, 0), textOf(events, 1)], ['A bee', 'One bee!']);
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
  const response = await post(gateway, question({ stream: true }), { signal: controller.signal });
  await response.body?.getReader().read();
  controller.abort();
  assert.equal((await cancelled.promise).code, 'cancelled');
});

test('a client that leaves while its images are encoded cancels that', async () => {
  const began = Promise.withResolvers<undefined>();
  const cancelled = Promise.withResolvers<undefined>();
  await using gateway = await start({
    encode: async (_request, { signal }) => {
      began.resolve(undefined);
      await once(signal, 'abort');
      cancelled.resolve(undefined);
      throw signal.reason;
    },
  });
  const controller = new AbortController();
  const response = post(gateway, ask(picture(BEE)), { signal: controller.signal });
  await began.promise;
  controller.abort();
  await assert.rejects(response);
  await cancelled.promise;
});

test('a stage that stops in the middle ends the stream with one clear error', async () => {
  const stopped = Promise.withResolvers<undefined>();
  await using gateway = await start({
    generate: async function* () {
      yield admitted();
      yield delta('A');
      await stopped.promise;
    },
  });
  const response = await post(gateway, question({ stream: true }));
  stopped.resolve(gateway.stages.stopLanguage().then(() => undefined));
  const { events, done } = await readEvents(response);
  assert.equal(textOf(events), 'A');
  assert.ok(!done);
  assert.equal(events.filter(({ error }) => error).length, 1);
  assert.ok(['stream_interrupted', 'shutting_down'].includes(events.at(-1)?.error?.code ?? ''));
});

test('a stream that ends before its answer is an error, not a short answer', async () => {
  await using gateway = await start({
    generate: async function* () {
      yield admitted();
      yield delta('A');
    },
  });
  const { status, code } = await refusal(await post(gateway, question()));
  assert.deepEqual([status, code], [503, 'stream_interrupted']);
});

test('without the vision-service, images are refused by name of the stage and text is answered', async () => {
  await using gateway = await start();
  await gateway.stages.stopVision();
  const response = await post(gateway, ask(picture(BEE)));
  assert.equal(response.headers.get('retry-after'), '1');
  const { status, code, message } = await refusal(response);
  assert.deepEqual([status, code], [503, 'stage_unavailable']);
  assert.match(message, /vision-service/);
  assert.equal((await complete(await post(gateway, question()))).choices[0]?.message.content, 'A bee.');
});

test('without the lm-service, the error names it', async () => {
  await using gateway = await start();
  await gateway.stages.stopLanguage();
  for (const stream of [false, true]) {
    const { status, code, message } = await refusal(await post(gateway, question({ stream })));
    assert.deepEqual([status, code], [503, 'stage_unavailable']);
    assert.match(message, /lm-service/);
  }
});

test('what a stage says of an image names the image', async () => {
  await using gateway = await start({
    encode: ({ image }) =>
      Promise.reject(new DiptychError('image_not_decodable', `${Buffer.from(image).toString()} is no image`)),
  });
  const { status, code, param, message } = await refusal(
    await post(gateway, ask({ type: 'text', text: '?' }, picture(CAT))),
  );
  assert.deepEqual(
    [status, code, param],
    [400, 'image_not_decodable', 'messages[0].content[1].image_url.url'],
  );
  assert.equal(message, 'cat is no image');
});

test('what the language service refuses comes through, streamed or not', async () => {
  await using gateway = await start({
    generate: () => {
      throw new DiptychError('context_length_exceeded', '80 tokens, 64 fit', { param: 'messages' });
    },
  });
  for (const stream of [false, true]) {
    const { status, code, param, message } = await refusal(await post(gateway, question({ stream })));
    assert.deepEqual([status, code, param], [400, 'context_length_exceeded', 'messages']);
    assert.equal(message, '80 tokens, 64 fit');
  }
});

test('too many tokens are named by the field that the caller sent', async () => {
  await using gateway = await start({
    generate: () => {
      throw new DiptychError('context_length_exceeded', 'max_tokens is 999', { param: 'max_tokens' });
    },
  });
  for (const field of ['max_tokens', 'max_completion_tokens']) {
    const { status, param, message } = await refusal(await post(gateway, question({ [field]: 999 })));
    assert.deepEqual([status, param, message], [400, field, `${field} is 999`]);
  }
});

test('if one of several answers is refused, none is begun', async () => {
  await using gateway = await start({
    generate: async function* ({ sampling }) {
      if (sampling?.seed === 6n) throw new DiptychError('queue_full', 'no place', { retryAfterMs: 2500 });
      yield* say('A');
    },
  });
  const response = await post(gateway, question({ n: 2, seed: 5, stream: true }));
  assert.equal(response.headers.get('retry-after'), '3');
  assert.equal(response.headers.get('retry-after-ms'), '2500');
  const { status, code } = await refusal(response);
  assert.deepEqual([status, code], [429, 'queue_full']);
});

test('a gateway with all places taken says when to come back, and takes the next when one is free', async () => {
  const release = Promise.withResolvers<undefined>();
  const fake = {
    generate: async function* () {
      yield admitted();
      await release.promise;
      yield finished(0);
    },
  };
  await using gateway = await start(fake, { maxRequests: 1 });
  const first = await post(gateway, question({ stream: true }));
  const refused = await post(gateway, question());
  assert.equal(refused.headers.get('retry-after'), '1');
  const { status, code } = await refusal(refused);
  assert.deepEqual([status, code], [429, 'queue_full']);
  release.resolve(undefined);
  assert.ok((await readEvents(first)).done);
  await complete(await post(gateway, question()));
});

test('an answer that takes too long ends with the limit', async () => {
  const fake = {
    generate: async function* (_request: unknown, { signal }: { signal: AbortSignal }) {
      yield admitted();
      await once(signal, 'abort');
    },
  };
  await using gateway = await start(fake, { requestTimeoutMs: 100 });
  const { status, code } = await refusal(await post(gateway, question()));
  assert.deepEqual([status, code], [504, 'deadline_exceeded']);
});

test('both stages are told until when the answer is waited for', async () => {
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
  await complete(await post(gateway, ask(picture(BEE))));
  assert.equal(left.length, 2);
  assert.ok(left.every((ms) => ms <= 61_000));
});

test('stopping refuses new work, and lets a running stream finish', async () => {
  const release = Promise.withResolvers<undefined>();
  await using gateway = await start({
    generate: async function* () {
      yield admitted();
      await release.promise;
      yield delta('A');
      yield finished(1);
    },
  });
  const running = await post(gateway, question({ stream: true }));
  const stopped = gateway.stop();
  const { status, code } = await refusal(await post(gateway, question()));
  assert.deepEqual([status, code], [503, 'shutting_down']);
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 503);
  release.resolve(undefined);
  const { events, done } = await readEvents(running);
  assert.deepEqual([textOf(events), done], ['A', true]);
  await stopped;
});

test('an answer that is read slowly arrives whole though the gateway stops', async () => {
  const long = 'x'.repeat(16 * 2 ** 20);
  await using gateway = await start({ generate: () => say(long) });
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  const body = JSON.stringify(question());
  const head = `Host: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\n${head}\r\n\r\n${body}`);
  await once(socket, 'readable');
  const stopped = gateway.stop();
  // Time enough for all that would hang up.
  for (let turn = 0; turn < 1000; turn += 1) await new Promise(setImmediate);
  assert.ok((await text(socket)).includes(`"content":"${long}"`));
  await stopped;
});

test('after the grace, a running stream ends with an error', async () => {
  const fake = {
    generate: async function* (_request: unknown, { signal }: { signal: AbortSignal }) {
      yield admitted();
      await once(signal, 'abort');
    },
  };
  await using gateway = await start(fake, { graceMs: 0 });
  const running = await post(gateway, question({ stream: true }));
  await Promise.all([
    gateway.stop(),
    readEvents(running).then(({ events }) => assert.equal(events.at(-1)?.error?.code, 'shutting_down')),
  ]);
});
