import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { DataType, type EncodeImageResponse } from '@diptych/contract';
import { picture, service } from './spec/service.ts';

const large = await readFile(picture('large.jpg'));
const small = await readFile(picture('small.png'));

/** Features of an answer as numbers, whatever their type on the wire. */
function values({ embedding }: EncodeImageResponse): Float32Array {
  const features = embedding?.features ?? assert.fail('no features');
  const bytes = new Uint8Array(features.data).buffer;
  if (features.dataType === DataType.FLOAT32) return new Float32Array(bytes);
  const view = new DataView(bytes) as DataView & { getFloat16(offset: number, little: boolean): number };
  return Float32Array.from({ length: bytes.byteLength / 2 }, (_, index) => view.getFloat16(index * 2, true));
}

test('a large image comes back as tiles and a global view, with layout, features and timings', async (context) => {
  const { client } = await service(context);
  const { embedding, timings, cacheHit } = await client.encodeImage({
    image: large,
    options: { split: true },
  });
  const { layout, features, digest } = embedding ?? assert.fail();
  assert.ok(layout !== undefined && features !== undefined);
  assert.equal(layout.tileTokens.length, layout.rows * layout.columns + 1);
  assert.ok(layout.rows > 1 && layout.columns > 1);
  assert.deepEqual([layout.sourceWidth, layout.sourceHeight], [330, 210]);
  assert.deepEqual(features.shape, [layout.tileTokens.length * 16, 64]);
  assert.equal(features.dataType, DataType.FLOAT16);
  assert.equal(features.data.byteLength, layout.tileTokens.length * 16 * 64 * 2);
  assert.equal(digest.byteLength, 32);
  assert.equal(cacheHit, false);
  assert.ok((timings?.decodeResizeMs ?? 0) > 0 && (timings?.encodeMs ?? 0) > 0);
});

test('weights in eight bits encode too; GetModel names how they are stored', async (context) => {
  const { client } = await service(context, { weights: 'int8' });
  assert.equal((await client.getModel({})).model?.weights, 'int8');
  const { embedding } = await client.encodeImage({ image: large, options: { split: false } });
  assert.deepEqual(embedding?.features?.shape, [16, 64]);
});

test('`split: false` gives the global view alone, under another digest', async (context) => {
  const { client } = await service(context);
  const whole = await client.encodeImage({ image: large, options: { split: false } });
  const split = await client.encodeImage({ image: large, options: { split: true } });
  assert.deepEqual(
    [whole.embedding?.layout?.rows, whole.embedding?.layout?.columns, whole.embedding?.layout?.tileTokens],
    [0, 0, [16]],
  );
  assert.notDeepEqual(whole.embedding?.digest, split.embedding?.digest);
});

test('float16 features are the float32 ones, rounded', async (context) => {
  const { client } = await service(context);
  const exact = await client.encodeImage({ image: small, options: { featureType: DataType.FLOAT32 } });
  const rounded = await client.encodeImage({ image: small });
  assert.equal(
    exact.embedding?.features?.data.byteLength,
    2 * (rounded.embedding?.features?.data.byteLength ?? 0),
  );
  const [wide, narrow] = [values(exact), values(rounded)];
  assert.ok(
    wide.every(
      (value, index) => Math.abs(value - (narrow[index] ?? 0)) <= Math.abs(value) * 2 ** -11 + 2 ** -25,
    ),
  );
});

test('the same image again comes from the cache, without time spent', async (context) => {
  const { client } = await service(context);
  const first = await client.encodeImage({ image: small });
  const again = await client.encodeImage({ image: small, options: { featureType: DataType.FLOAT16 } });
  assert.deepEqual([first.cacheHit, again.cacheHit], [false, true]);
  assert.deepEqual(again.embedding, first.embedding);
  assert.deepEqual([again.timings?.decodeResizeMs, again.timings?.encodeMs], [0, 0]);
});

test('features do not depend on what else is encoded at the same time', async (context) => {
  const { client } = await service(context, { cacheBytes: 0 });
  const options = { featureType: DataType.FLOAT32 };
  const alone = [];
  for (const image of [large, small]) alone.push(values(await client.encodeImage({ image, options })));
  const together = await Promise.all(
    [large, small, large].map((image) => client.encodeImage({ image, options })),
  );
  assert.deepEqual(together.map(values), [alone[0], alone[1], alone[0]]);
});

test('what is no image is refused in words, and the next image works', async (context) => {
  const { client } = await service(context);
  const text = Buffer.from('this is not an image');
  await assert.rejects(client.encodeImage({ image: text }), { code: 'image_not_decodable' });
  await assert.rejects(client.encodeImage({}), { code: 'image_not_decodable' });
  await assert.rejects(client.encodeImage({ image: large.subarray(0, 2000) }), {
    code: 'image_not_decodable',
  });
  await assert.rejects(client.encodeImage({ image: Buffer.alloc(2 ** 20 + 1) }), { code: 'image_too_large' });
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- proto3 enums are open: callers may send any number
  const options = { featureType: 7 as DataType };
  await assert.rejects(client.encodeImage({ image: small, options }), {
    code: 'invalid_parameter',
    param: 'options.feature_type',
  });
  assert.equal((await client.encodeImage({ image: small })).cacheHit, false);
});

test('more images than the queue takes are refused with a retry hint', async (context) => {
  const { client } = await service(context, { queue: 1, cacheBytes: 0 });
  const [first, second] = await Promise.allSettled([
    client.encodeImage({ image: large }),
    client.encodeImage({ image: small }),
  ]);
  const refused = first.status === 'rejected' ? first : second;
  assert.equal(refused.status, 'rejected');
  const error = refused.reason as { code: string; retryAfterMs: number };
  assert.equal(error.code, 'queue_full');
  assert.ok(error.retryAfterMs > 0);
  assert.equal((await client.encodeImage({ image: small })).cacheHit, false);
});

test('a caller that leaves makes room at once', async (context) => {
  const { client } = await service(context, { queue: 1, cacheBytes: 0 });
  const controller = new AbortController();
  const leaves = assert.rejects(client.encodeImage({ image: large }, { signal: controller.signal }), {
    code: 'cancelled',
  });
  controller.abort();
  await leaves;
  for (;;) {
    const next = await client
      .encodeImage({ image: small })
      .catch((error: unknown) => error as { code: string });
    if (!('code' in next)) break;
    assert.equal(next.code, 'queue_full');
  }
});

test('GetModel tells what it encodes for and what it takes', async (context) => {
  const { client } = await service(context);
  const { model } = await client.getModel({});
  assert.equal(model?.family, 'idefics3');
  assert.match(model.fingerprint, /^[0-9a-f]{64}$/);
  assert.equal(model.limits?.hiddenSize, 64);
  assert.equal(model.limits.maxImageBytes, BigInt(2 ** 20));
  assert.equal(model.limits.maxContextTokens, 0);
});
