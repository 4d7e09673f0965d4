import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VisionService } from '@diptych/contract';
import { createClient } from './client.ts';
import { delta, serve } from './spec/serve.ts';

const MIB = 2 ** 20;

test('a message of 20 MiB passes both ways', async (context) => {
  const { vision } = await serve(context, {
    encodeImage: async ({ image }) => ({ embedding: { features: { data: image } } }),
  });
  const image = new Uint8Array(20 * MIB).fill(7);
  const answer = await vision.encodeImage({ image });
  assert.ok(Buffer.from(image).equals(answer.embedding?.features?.data ?? Buffer.alloc(0)));
});

test('a request above the limit is refused before it is sent', async (context) => {
  const { vision } = await serve(context, {});
  await assert.rejects(vision.encodeImage({ image: new Uint8Array(65 * MIB) }), {
    code: 'request_too_large',
    message: /EncodeImageRequest of \d+ bytes is more than the 67108864 bytes/,
  });
});

test('a server with a lower limit refuses what its caller may send, and the next call works', async (context) => {
  const { vision } = await serve(context, {}, { maxMessageBytes: MIB });
  await assert.rejects(vision.encodeImage({ image: new Uint8Array(2 * MIB) }), {
    code: 'request_too_large',
    message: /larger than max/,
  });
  await vision.getModel({});
});

test('an answer above the limit is a clear error', async (context) => {
  const big = { embedding: { digest: new Uint8Array(2 * MIB) } };
  const { vision, address } = await serve(context, { encodeImage: async () => big });
  using small = createClient(VisionService, { address, maxMessageBytes: MIB });
  await assert.rejects(small.encodeImage({}), { code: 'request_too_large' });
  await vision.encodeImage({});
});

test('a reader that stops holds the writer instead of filling memory', async (context) => {
  let written = 0;
  const messageBytes = 64 * 1024;
  const stopped = Promise.withResolvers<undefined>();
  const { language } = await serve(context, {
    async *generate() {
      for (;;) {
        const before = written;
        yield delta('x'.repeat(messageBytes));
        written += 1;
        // Once nothing moved for many turns of the loop, the writer waits for its reader.
        for (let turn = 0; turn < 200 && written === before + 1; turn += 1) await new Promise(setImmediate);
        if (written > 2_000) stopped.reject(new Error('the writer was never held'));
      }
    },
  });
  const stream = language.generate({});
  await stream.next();
  let quiet = 0;
  for (let last = written; quiet < 2_000; last = written) {
    await Promise.race([new Promise(setImmediate), stopped.promise]);
    quiet = last === written ? quiet + 1 : 0;
  }
  assert.ok(written < 200, `${written} messages were taken from the handler`);
  await stream.return();
});

test('a reader that stops for too long is told so, and its handler ends before', async (context) => {
  const ended = Promise.withResolvers<undefined>();
  const endless = async function* () {
    try {
      for (;;) yield delta(await Promise.resolve('x'.repeat(64 * 1024)));
    } finally {
      ended.resolve(undefined);
    }
  };
  const { language } = await serve(context, { generate: endless }, { slowReaderMs: 50 });
  const stream = language.generate({});
  await stream.next();
  await ended.promise;
  await assert.rejects(Array.fromAsync(stream), { code: 'slow_reader', message: /not read for 50 ms/ });
});
