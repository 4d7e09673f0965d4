import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CATALOGUE, DiptychError, type ErrorCode, isErrorCode } from '@diptych/errors';
import { createLogger } from '@diptych/telemetry';
import { Client, credentials } from '@grpc/grpc-js';
import { delta, serve, texts } from './spec/serve.ts';

const CODES = Object.keys(CATALOGUE).filter((code): code is ErrorCode => isErrorCode(code));

for (const code of CODES) {
  test(`${code} arrives as the same error, unary and streaming`, async (context) => {
    const sent = new DiptychError(code, `what is wrong: “${code}”\nand more`, {
      param: 'messages[0].content[1]/ü',
      retryAfterMs: 1500,
      cause: new Error('a secret'),
    });
    const { vision, language } = await serve(context, {
      encodeImage: () => Promise.reject(sent),
      async *generate() {
        yield delta('begun');
        throw sent;
      },
    });
    const expected = {
      name: 'DiptychError',
      code,
      message: sent.message,
      param: sent.param,
      retryAfterMs: 1500,
    };
    await assert.rejects(vision.encodeImage({}), expected);
    await assert.rejects(texts(language.generate({})), expected);
  });
}

test('any other error becomes `internal`, is logged, and its text stays here', async (context) => {
  const lines: string[] = [];
  const logger = createLogger({ name: 'spec', level: 'info', stream: { write: (line) => lines.push(line) } });
  const { vision, language } = await serve(
    context,
    {
      encodeImage: () => Promise.reject(new Error('password 1234')),
      generate: () => {
        throw new TypeError('password 1234');
      },
    },
    { logger },
  );
  const expected = { code: 'internal', message: CATALOGUE.internal.summary };
  await assert.rejects(vision.encodeImage({}), expected);
  await assert.rejects(texts(language.generate({})), expected);
  assert.equal(lines.length, 2);
  for (const line of lines) assert.match(line, /password 1234/);
});

test('bytes that are not the message are refused', async (context) => {
  const { address } = await serve(context, {});
  const client = new Client(address, credentials.createInsecure());
  context.after(() => client.close());
  const same = (bytes: Buffer) => bytes;
  const error = await new Promise<{ details?: string; code?: number } | null>((resolve) => {
    client.makeUnaryRequest(
      '/diptych.v1.VisionService/EncodeImage',
      same,
      same,
      Buffer.from([0xff]),
      resolve,
    );
  });
  assert.equal(error?.code, 3);
  assert.match(error.details ?? '', /not a diptych\.v1\.EncodeImageRequest/);
});

test('a message text of any length and content arrives', async (context) => {
  const { vision } = await serve(context, {
    encodeImage: () => Promise.reject(new DiptychError('invalid_parameter', `\ud800 ${'😀'.repeat(5000)}`)),
  });
  await assert.rejects(vision.encodeImage({}), { code: 'invalid_parameter', message: /^\ufffd 😀+…$/u });
});
