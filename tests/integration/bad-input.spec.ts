import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Services } from '@diptych/cli';
import { SAMPLES, sampleDataUri, startPico } from '@diptych/testing';
import sharp from 'sharp';

const CATS = readFileSync(join(SAMPLES, 'two-cats.png'));

/** A request that must fail: the body's change, the status, the code, and what the message or param must name. */
interface Mistake {
  readonly name: string;
  readonly body: unknown;
  readonly status: number;
  readonly code: string;
  readonly says: RegExp;
}

const withImage = (url: string) => ({
  model: 'pico',
  messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
});
const dataUri = (bytes: Uint8Array, type = 'image/png') =>
  `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
const withParameter = (parameter: Record<string, unknown>) => ({
  model: 'pico',
  messages: [{ role: 'user', content: 'Hello' }],
  ...parameter,
});

suite('bad input costs one clear error, and the next request works', () => {
  let services: Services;
  before(async () => {
    services = await startPico();
  });
  after(() => services.stop());

  const post = (body: string) =>
    fetch(`${services.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });

  const mistakes: readonly Mistake[] = [
    {
      name: 'not an image',
      body: withImage(dataUri(Buffer.from('hello there, this is text'))),
      status: 400,
      code: 'image_not_decodable',
      says: /JPEG, PNG, WebP/,
    },
    {
      name: 'a truncated image',
      body: withImage(dataUri(CATS.subarray(0, CATS.length >> 1))),
      status: 400,
      code: 'image_not_decodable',
      says: /messages\[0\]/,
    },
    {
      name: 'an SVG',
      body: withImage(dataUri(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))),
      status: 400,
      code: 'image_format_unsupported',
      says: /SVG|svg/,
    },
    {
      name: 'wrong base64',
      body: withImage('data:image/png;base64,@@@not base64@@@'),
      status: 400,
      code: 'image_bad_encoding',
      says: /base64/,
    },
    {
      name: 'an image part without an image',
      body: { model: 'pico', messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      status: 400,
      code: 'invalid_parameter',
      says: /image_url/,
    },
    {
      name: 'an address on this machine',
      body: withImage('http://127.0.0.1:1/cat.png'),
      status: 400,
      code: 'image_url_forbidden',
      says: /127\.0\.0\.1/,
    },
    {
      name: 'an unknown model',
      body: { ...withParameter({}), model: 'gpt-4o' },
      status: 404,
      code: 'model_not_found',
      says: /pico/,
    },
    {
      name: 'an unknown parameter',
      body: withParameter({ temprature: 1 }),
      status: 400,
      code: 'unsupported_parameter',
      says: /temprature/,
    },
    {
      name: 'a parameter that is known but not supported',
      body: withParameter({ tools: [] }),
      status: 400,
      code: 'unsupported_parameter',
      says: /tools/,
    },
    {
      name: 'a parameter out of range',
      body: withParameter({ top_p: 1.5 }),
      status: 400,
      code: 'invalid_parameter',
      says: /top_p/,
    },
    {
      name: 'a number in quotes',
      body: withParameter({ max_tokens: '5' }),
      status: 400,
      code: 'invalid_parameter',
      says: /max_tokens/,
    },
    {
      name: 'no messages',
      body: withParameter({ messages: [] }),
      status: 400,
      code: 'invalid_parameter',
      says: /messages/,
    },
    {
      name: 'a prompt longer than the context',
      body: withParameter({ messages: [{ role: 'user', content: 'cat bee dog '.repeat(3000) }] }),
      status: 400,
      code: 'context_length_exceeded',
      says: /\d+ tokens/,
    },
  ];

  for (const { name, body, status, code, says } of mistakes) {
    test(name, async () => {
      const answer = await post(JSON.stringify(body));
      const { error } = (await answer.json()) as { error: Record<string, unknown> };
      assert.deepEqual(Object.keys(error).toSorted(), ['code', 'message', 'param', 'type']);
      assert.deepEqual(
        { status: answer.status, code: error['code'] },
        { status, code },
        String(error['message']),
      );
      assert.match(`${String(error['message'])} ${String(error['param'])}`, says);
    });
  }

  test('an image of too many pixels', async () => {
    const bomb = await sharp({ create: { width: 9000, height: 9000, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const answer = await post(JSON.stringify(withImage(dataUri(bomb))));
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    assert.equal(error.code, 'image_too_large');
    assert.match(error.message, /9000/);
  });

  test('malformed JSON', async () => {
    const answer = await post('{"model": "pico", ');
    const { error } = (await answer.json()) as { error: { code: string; type: string } };
    assert.equal(answer.status, 400);
    assert.deepEqual([error.code, error.type], ['malformed_request', 'invalid_request_error']);
  });

  test('an unknown address', async () => {
    const answer = await fetch(`${services.url}/v1/nothing`);
    const { error } = (await answer.json()) as { error: { code: string } };
    assert.equal(answer.status, 404);
    assert.equal(error.code, 'not_found');
  });

  test('after all that, the next request works', async () => {
    const answer = await post(JSON.stringify({ ...withImage(sampleDataUri('two-cats.png')), max_tokens: 3 }));
    assert.equal(answer.status, 200);
  });
});
