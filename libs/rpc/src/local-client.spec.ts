import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LanguageService, VisionService } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import { createLocalClient } from './local-client.ts';
import type { CallContext, RpcHandlers } from './service-types.ts';
import { delta, serve, texts } from './spec/serve.ts';

type Language = RpcHandlers<typeof LanguageService>;
type Vision = RpcHandlers<typeof VisionService>;

/** The same handlers behind both kinds of client. */
const KINDS = {
  'over the wire': (context: TestContext, handlers: Partial<Language & Vision>) => serve(context, handlers),
  'in process': (_context: TestContext, handlers: Partial<Language & Vision>) => {
    const none = () => Promise.resolve({});
    const empty = async function* () {
      await Promise.resolve();
      yield* [];
    };
    const vision = { encodeImage: none, getModel: none, ...handlers };
    const language = { generate: empty, countTokens: none, getModel: none, ...handlers };
    return Promise.resolve({
      vision: createLocalClient(VisionService, vision, { name: 'vision-service' }),
      language: createLocalClient(LanguageService, language, { name: 'lm-service' }),
    });
  },
};

for (const [kind, connect] of Object.entries(KINDS)) {
  test(`${kind}: a request comes as a whole message, and so does its answer`, async (context) => {
    const { vision } = await connect(context, {
      encodeImage: (request) => {
        assert.equal(request.options, undefined);
        return Promise.resolve({ cacheHit: request.image.length === 2 });
      },
    });
    const { cacheHit, embedding, timings } = await vision.encodeImage({ image: new Uint8Array(2) });
    assert.deepEqual([cacheHit, embedding, timings], [true, undefined, undefined]);
  });

  test(`${kind}: a stream begins when it is read, and comes in order`, async (context) => {
    let begun = false;
    const { language } = await connect(context, {
      async *generate() {
        begun = true;
        yield delta('a');
        await new Promise(setImmediate);
        yield delta('b');
      },
    });
    const stream = language.generate({});
    await new Promise(setImmediate);
    assert.equal(begun, false);
    assert.deepEqual(await texts(stream), ['a', 'b']);
  });

  test(`${kind}: a coded error keeps code, field and hint`, async (context) => {
    const error = { code: 'queue_full', param: 'images', retryAfterMs: 250, message: 'Full.' } as const;
    const fail = () => new DiptychError(error.code, error.message, error);
    const { language, vision } = await connect(context, {
      encodeImage: () => Promise.reject(fail()),
      async *generate() {
        await Promise.resolve();
        yield delta('a');
        throw fail();
      },
    });
    await assert.rejects(vision.encodeImage({}), error);
    await assert.rejects(texts(language.generate({})), error);
  });

  test(`${kind}: any other error is \`internal\`, without its text`, async (context) => {
    const { language, vision } = await connect(context, {
      encodeImage: () => {
        throw new Error('secret');
      },
      generate: () => {
        throw new Error('secret');
      },
    });
    for (const failed of [vision.encodeImage({}), texts(language.generate({}))]) {
      await assert.rejects(failed, (error: Error) => {
        assert.equal(Reflect.get(error, 'code'), 'internal');
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    }
  });

  test(`${kind}: leaving a stream aborts its handler, which may end`, async (context) => {
    const ended = Promise.withResolvers<AbortSignal>();
    const { language } = await connect(context, {
      async *generate(_request, { signal }) {
        try {
          for (;;) {
            yield delta('tick');
            await new Promise(setImmediate);
          }
        } finally {
          ended.resolve(signal);
        }
      },
    });
    for await (const { event } of language.generate({})) if (event.case === 'delta') break;
    const signal = await ended.promise;
    await new Promise(setImmediate);
    assert.ok(signal.aborted);
  });

  test(`${kind}: a deadline ends a call that would not`, async (context) => {
    const calls: CallContext[] = [];
    const { language, vision } = await connect(context, {
      encodeImage: (_request, call) => {
        calls.push(call);
        return new Promise(() => undefined);
      },
      async *generate(_request, call) {
        calls.push(call);
        yield delta('a');
        await new Promise(() => undefined);
      },
    });
    const late = { code: 'deadline_exceeded' };
    await assert.rejects(vision.encodeImage({}, { timeoutMs: 150 }), late);
    await assert.rejects(texts(language.generate({}, { deadline: new Date(Date.now() + 150) })), late);
    for (const { deadline } of calls) assert.ok(deadline instanceof Date);
  });

  test(`${kind}: an abort ends a call with the reason where that is coded, else with \`cancelled\``, async (context) => {
    const { vision } = await connect(context, { encodeImage: () => new Promise(() => undefined) });
    for (const [reason, code] of [
      [new DiptychError('shutting_down', 'Over.'), 'shutting_down'],
      [new Error('enough'), 'cancelled'],
    ] as const) {
      const controller = new AbortController();
      const call = assert.rejects(vision.encodeImage({}, controller), { code });
      await new Promise(setImmediate);
      controller.abort(reason);
      await call;
      await assert.rejects(vision.encodeImage({}, controller), { code });
    }
  });

  test(`${kind}: closing ends running calls and refuses later ones`, async (context) => {
    const { language } = await connect(context, {
      async *generate() {
        yield delta('a');
        await new Promise(() => undefined);
      },
    });
    const stream = language.generate({});
    await stream.next();
    const next = assert.rejects(stream.next(), { code: 'stage_unavailable' });
    language.close();
    await next;
    await assert.rejects(language.getModel({}), { code: 'stage_unavailable' });
    await assert.rejects(texts(language.generate({})), { code: 'stage_unavailable' });
  });
}

test('in process: nothing is copied, and a reader that waits makes the handler wait', async (context) => {
  const image = new Uint8Array(3);
  let sent = 0;
  const { vision, language } = await KINDS['in process'](context, {
    encodeImage: (request) => Promise.resolve({ embedding: { features: { data: request.image } } }),
    async *generate() {
      for (;;) {
        await Promise.resolve();
        sent += 1;
        yield delta('a');
      }
    },
  });
  const { embedding } = await vision.encodeImage({ image });
  assert.equal(embedding?.features?.data, image);
  const stream = language.generate({});
  await stream.next();
  await new Promise(setImmediate);
  assert.equal(sent, 1);
  await stream.return();
});

test('in process: it serves until it is closed', async (context) => {
  const { vision } = await KINDS['in process'](context, {});
  assert.equal(await vision.health(), 'serving');
  await vision.waitForReady({ timeoutMs: 1 });
  vision.close();
  assert.equal(await vision.health(), 'unreachable');
  await assert.rejects(vision.waitForReady({ timeoutMs: 1 }), { code: 'stage_unavailable' });
});
