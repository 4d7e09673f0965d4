import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import type { CallContext } from './service-types.ts';
import { delta, serve, texts } from './spec/serve.ts';

/** A handler's view of its end, to be awaited by a spec. */
function observedCall() {
  const started = Promise.withResolvers<CallContext>();
  const returned = Promise.withResolvers<unknown>();
  const never = async (signal: AbortSignal) => {
    await once(signal, 'abort');
    throw signal.reason as Error;
  };
  async function* stream(_: unknown, call: CallContext) {
    started.resolve(call);
    try {
      yield delta('first');
      await never(call.signal);
    } finally {
      returned.resolve(call.signal.reason);
    }
  }
  return {
    started: started.promise,
    /** The abort reason once the stream's iterator was returned. */
    returned: returned.promise,
    unary: (_: unknown, call: CallContext) => {
      started.resolve(call);
      return never(call.signal);
    },
    stream,
  };
}

/** The caller's clock may be the first to notice its deadline: the server then sees it cancel. */
function endedInTime(reason: unknown): boolean {
  return reason instanceof DiptychError && ['deadline_exceeded', 'cancelled'].includes(reason.code);
}

test('a deadline reaches caller and handler, unary', async (context) => {
  const observed = observedCall();
  const { vision } = await serve(context, { encodeImage: observed.unary });
  const answer = assert.rejects(vision.encodeImage({}, { timeoutMs: 200 }), { code: 'deadline_exceeded' });
  const call = await observed.started;
  assert.ok(call.deadline instanceof Date);
  await answer;
  if (!call.signal.aborted) await once(call.signal, 'abort');
  assert.ok(endedInTime(call.signal.reason));
});

test('a deadline reaches caller and handler, streaming', async (context) => {
  const observed = observedCall();
  const { language } = await serve(context, { generate: observed.stream });
  await assert.rejects(texts(language.generate({}, { timeoutMs: 200 })), { code: 'deadline_exceeded' });
  assert.ok(endedInTime(await observed.returned));
});

test('a deadline reaches a handler whose reader has stopped', async (context) => {
  const observed = Promise.withResolvers<unknown>();
  const { language } = await serve(context, {
    async *generate(_, call) {
      try {
        while (!call.signal.aborted) yield delta('x'.repeat(100_000));
      } finally {
        observed.resolve(call.signal.reason);
      }
    },
  });
  const stream = language.generate({}, { timeoutMs: 300 });
  await stream.next();
  assert.ok(endedInTime(await observed.promise));
  await stream.return();
});

test('aborting a unary call reaches the handler', async (context) => {
  const observed = observedCall();
  const { vision } = await serve(context, { encodeImage: observed.unary });
  const controller = new AbortController();
  const answer = assert.rejects(vision.encodeImage({}, { signal: controller.signal }), { code: 'cancelled' });
  const call = await observed.started;
  controller.abort();
  await answer;
  if (!call.signal.aborted) await once(call.signal, 'abort');
  assert.equal((call.signal.reason as DiptychError).code, 'cancelled');
});

test('a caller that aborts with a coded reason gets that reason', async (context) => {
  const observed = observedCall();
  const { vision } = await serve(context, { encodeImage: observed.unary });
  const controller = new AbortController();
  const answer = assert.rejects(vision.encodeImage({}, { signal: controller.signal }), {
    code: 'slow_reader',
  });
  await observed.started;
  controller.abort(new DiptychError('slow_reader', 'too slow'));
  await answer;
});

test('a signal that is already aborted starts nothing', async (context) => {
  let started = 0;
  const { vision, language } = await serve(context, {
    encodeImage: async () => {
      started += 1;
      return {};
    },
    async *generate() {
      started += 1;
      yield delta('x');
    },
  });
  const signal = AbortSignal.abort();
  await assert.rejects(vision.encodeImage({}, { signal }), { code: 'cancelled' });
  await assert.rejects(texts(language.generate({}, { signal })), { code: 'cancelled' });
  await vision.getModel({});
  assert.equal(started, 0);
});

test('aborting a stream ends it for both sides', async (context) => {
  const observed = observedCall();
  const { language } = await serve(context, { generate: observed.stream });
  const controller = new AbortController();
  const stream = language.generate({}, { signal: controller.signal });
  await stream.next();
  controller.abort();
  await assert.rejects(stream.next(), { code: 'cancelled' });
  assert.equal(((await observed.returned) as DiptychError).code, 'cancelled');
});

test('leaving the iteration early cancels the call and returns the handler’s iterator', async (context) => {
  const observed = observedCall();
  const { language, server } = await serve(context, { generate: observed.stream });
  for await (const message of language.generate({})) {
    assert.equal(message.event.case, 'delta');
    break;
  }
  assert.equal(((await observed.returned) as DiptychError).code, 'cancelled');
  assert.equal(server.activeCalls, 0);
});

test('shutdown lets running calls finish, refuses new ones and answers NOT_SERVING meanwhile', async (context) => {
  const go = Promise.withResolvers<undefined>();
  const { language, vision, server } = await serve(context, {
    async *generate() {
      yield delta('first');
      await go.promise;
      yield delta('last');
    },
  });
  const stream = language.generate({});
  await stream.next();
  const down = server.shutdown(60_000);
  await assert.rejects(vision.getModel({}), { code: 'shutting_down', retryAfterMs: 1000 });
  assert.equal(await vision.health(), 'not_serving');
  go.resolve(undefined);
  assert.deepEqual(await texts(stream), ['last']);
  await down;
  assert.equal(await vision.health(), 'unreachable');
});

test('a call that outlasts the grace is told `shutting_down`', async (context) => {
  const observed = observedCall();
  const { language, server } = await serve(context, { generate: observed.stream });
  const stream = language.generate({});
  await stream.next();
  const ended = assert.rejects(stream.next(), { code: 'shutting_down' });
  await server.shutdown(10);
  await ended;
  assert.equal(((await observed.returned) as DiptychError).code, 'shutting_down');
});

test('a handler that ignores its signal does not hold the shutdown', async (context) => {
  const { vision, server } = await serve(context, { encodeImage: () => new Promise(() => undefined) });
  const answer = assert.rejects(vision.encodeImage({}), { code: 'stage_unavailable' });
  while (server.activeCalls === 0) await new Promise(setImmediate);
  await server.shutdown(10);
  await answer;
});

test('a deadline reaches the handler although its caller neither reads nor cancels', async (context) => {
  const ended = Promise.withResolvers<unknown>();
  const { address } = await serve(context, {
    async *generate(_, call) {
      try {
        while (!call.signal.aborted) yield delta('x'.repeat(100_000));
      } finally {
        ended.resolve(call.signal.reason);
      }
    },
  });
  const session = connect(`http://${address}`);
  context.after(() => session.destroy());
  const call = session.request({
    ':method': 'POST',
    ':path': '/diptych.v1.LanguageService/Generate',
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': '200m',
  });
  // An empty message: no compression, no bytes. The answer is never read.
  call.pause().end(Buffer.alloc(5));
  assert.equal(((await ended.promise) as DiptychError).code, 'deadline_exceeded');
});
