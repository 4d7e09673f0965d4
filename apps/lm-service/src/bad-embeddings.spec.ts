import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataType } from '@diptych/contract';
import { answer, type EmbeddingInit, embedding, type GenerateInit, service } from './spec/service.ts';

const about = (...images: EmbeddingInit[]): GenerateInit => ({
  prompt: { segments: images.map((_, value) => ({ segment: { case: 'imageIndex', value } })) },
  images,
  sampling: { maxTokens: 1 },
});

const tensor = (change: object) => (good: EmbeddingInit) => ({
  ...good,
  features: { ...good.features, ...change },
});
const layout = (change: object) => (good: EmbeddingInit) => ({
  ...good,
  layout: { ...good.layout, ...change },
});

const without = (field: 'layout' | 'features') => (good: EmbeddingInit) =>
  Object.fromEntries(Object.entries(good).filter(([name]) => name !== field)) as EmbeddingInit;

function withValue(value: number) {
  const values = new Float32Array(16 * 64);
  values[700] = value;
  return tensor({ data: new Uint8Array(values.buffer) });
}

const BAD: readonly (readonly [string, string, (good: EmbeddingInit) => EmbeddingInit])[] = [
  ['no layout', 'layout', without('layout')],
  ['no features', 'features', without('features')],
  ['a short digest', 'digest', (good) => ({ ...good, digest: new Uint8Array(31) })],
  ['rows of another hidden size', 'features.shape', tensor({ shape: [16, 65] })],
  ['fewer rows than the layout says', 'features.shape', tensor({ shape: [15, 64] })],
  ['three axes', 'features.shape', tensor({ shape: [1, 16, 64] })],
  ['no axes', 'features.shape', tensor({ shape: [] })],
  ['fewer bytes than the shape says', 'features.data', tensor({ data: new Uint8Array(16 * 64 * 4 - 4) })],
  ['bytes of another type', 'features.data', tensor({ dataType: DataType.FLOAT16 })],
  ['no element type', 'features.data_type', tensor({ dataType: DataType.UNSPECIFIED })],
  ['an unknown element type', 'features.data_type', tensor({ dataType: 9 })],
  ['not a number', 'features.data', withValue(Number.NaN)],
  ['infinity', 'features.data', withValue(-Infinity)],
  ['no source', 'layout.source_width', layout({ sourceWidth: 0 })],
  ['a source of endless height', 'layout.source_height', layout({ sourceHeight: 4_294_967_295 })],
  ['rows without columns', 'layout.rows', layout({ rows: 2 })],
  ['columns without rows', 'layout.columns', layout({ columns: 2 })],
  ['rows of another shape of image', 'layout.rows', layout({ rows: 4, columns: 3 })],
  ['endless rows', 'layout.rows', layout({ rows: 4_294_967_295, columns: 4_294_967_295 })],
  ['another size after resizing', 'layout.processed_width', layout({ processedWidth: 128 })],
  ['no size after resizing', 'layout.processed_height', layout({ processedHeight: 0 })],
  [
    'more tiles than tokens',
    'layout.tile_tokens',
    layout({ rows: 3, columns: 4, processedWidth: 256, processedHeight: 192 }),
  ],
  ['a tile of another size', 'layout.tile_tokens', layout({ tileTokens: [17] })],
  ['a tile of endless size', 'layout.tile_tokens', layout({ tileTokens: [4_294_967_295] })],
  ['no tiles', 'layout.tile_tokens', layout({ tileTokens: [] })],
];

test('embeddings that are not sound', async (context) => {
  const { client, fingerprint } = await service(context);
  const good = embedding(fingerprint);
  for (const [what, field, change] of BAD) {
    await context.test(`${what}: embedding_invalid naming the field`, () =>
      assert.rejects(answer(client, about(good, change(good))), {
        code: 'embedding_invalid',
        param: `images[1].${field}`,
        message: new RegExp(`^images\\[1\\]\\.${field} `),
      }),
    );
  }
  await context.test('another model: embedding_model_mismatch', () =>
    assert.rejects(answer(client, about({ ...good, modelFingerprint: 'f'.repeat(64) })), {
      code: 'embedding_model_mismatch',
      param: 'images[0].model_fingerprint',
    }),
  );
  await context.test('a float16 value that is not finite', () => {
    const data = new Uint8Array(new Uint16Array(16 * 64).fill(0x7c00, 5, 6).buffer);
    const image = tensor({ dataType: DataType.FLOAT16, data })(good);
    return assert.rejects(answer(client, about(image)), { code: 'embedding_invalid', message: /index 5/ });
  });
  await context.test('a float32 value that is not finite', async () => {
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      const data = new Uint8Array(new Float32Array(16 * 64).fill(bad, 7, 8).buffer);
      const image = tensor({ dataType: DataType.FLOAT32, data })(good);
      const refused = { code: 'embedding_invalid', message: /index 7/ };
      await assert.rejects(answer(client, about(image)), refused);
    }
  });
  await context.test('images that the prompt does not show, or shows twice', async () => {
    const mismatch = { code: 'image_count_mismatch' };
    await assert.rejects(answer(client, { ...about(good), images: [good, good] }), mismatch);
    await assert.rejects(answer(client, { ...about(good), images: [] }), mismatch);
    const twice = { segments: [0, 0].map((value) => ({ segment: { case: 'imageIndex', value } as const })) };
    await assert.rejects(answer(client, { ...about(good), prompt: twice }), mismatch);
  });
  await context.test('a prompt without segments, and an empty one', async () => {
    const invalid = (param: string) => ({ code: 'invalid_parameter', param });
    await assert.rejects(answer(client, {}), invalid('prompt.segments'));
    await assert.rejects(answer(client, { prompt: { segments: [{}] } }), invalid('prompt.segments[0]'));
  });
  await context.test('and the next sound one is answered', async () => {
    assert.equal((await answer(client, about(good, good))).ids.length, 1);
  });
});
