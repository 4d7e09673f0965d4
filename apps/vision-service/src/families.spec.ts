import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DataType } from '@diptych/contract';
import { FIXTURES, picture, service } from './spec/service.ts';

/** Features are sums of float32 products in another order than the reference's. */
const TOLERANCE = 1e-3;

const checkpoints = readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'checkpoint')));

for (const name of checkpoints) {
  test(`a large image comes back with the reference's layout and features: ${name}`, async (context) => {
    const { client } = await service(context, { model: join(FIXTURES, name, 'checkpoint') });
    const { layout, features: expected } = await golden(join(FIXTURES, name, 'large-image-split'));
    const answers = await Promise.all(
      ['large.jpg', 'small.png', 'tall.png'].map(async (file) =>
        client.encodeImage({
          image: await readFile(picture(file)),
          options: { split: true, featureType: DataType.FLOAT32 },
        }),
      ),
    );
    const { layout: got, features } = answers[0]?.embedding ?? assert.fail('no embedding');
    for (const [field, value] of Object.entries(layout))
      assert.deepEqual(got?.[field as keyof typeof got], value, field);
    const values = new Float32Array(new Uint8Array(features?.data ?? []).buffer);
    assert.equal(values.length, expected.length);
    const error = values.reduce(
      (largest, value, index) => Math.max(largest, Math.abs(value - (expected[index] ?? NaN))),
      0,
    );
    assert.ok(error < TOLERANCE, `largest feature error ${error}`);
  });
}

interface Layout {
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  readonly processedWidth: number;
  readonly processedHeight: number;
  readonly rows: number;
  readonly columns: number;
  readonly tileTokens: readonly number[];
}

/** What transformers makes of the case's image. */
async function golden(folder: string): Promise<{ layout: Layout; features: Float32Array }> {
  const text = await readFile(join(folder, 'case.json'), 'utf8');
  const [image] = (JSON.parse(text) as { images: (Layout & { file: string })[] }).images;
  const { file, ...layout } = image ?? assert.fail('no image');
  assert.equal(file, 'large.jpg');
  const tensors = await readFile(join(folder, 'tensors.safetensors'));
  return { layout, features: readTensor(tensors, 'image_features.0') };
}

function readTensor(file: Buffer, name: string): Float32Array {
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, start)) as Record<string, { data_offsets: number[] }>;
  const [from = 0, to = 0] = header[name]?.data_offsets ?? [];
  return new Float32Array(new Uint8Array(file.subarray(start + from, start + to)).buffer);
}
