import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import sharp from 'sharp';
import type { GoldenCase } from './fixtures.ts';
import { readPixels } from './read-pixels.ts';

const plain = { rescale: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const LAYOUT = {
  sourceWidth: 1,
  sourceHeight: 1,
  processedWidth: 1,
  processedHeight: 1,
  rows: 0,
  columns: 0,
};

/** A case of one image whose tiles lie in the given pictures, each a row of grey values for each of its rows. */
async function imageOf(context: TestContext, tiles: number, pictures: Readonly<Record<string, number[][]>>) {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-pixels-'));
  context.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'case'));
  for (const [name, rows] of Object.entries(pictures)) {
    const data = Uint8Array.from(rows.flat(), (value) => value);
    const raw = { width: rows[0]?.length ?? 0, height: rows.length, channels: 1 } as const;
    const file = join(folder, 'case', name);
    await sharp(data, { raw }).toColourspace('srgb').png().toFile(file);
  }
  const images = [{ ...LAYOUT, file: 'any.png', tileTokens: Array<number>(tiles).fill(1) }];
  const golden: GoldenCase = {
    split: null,
    messages: [],
    images,
    prompt: '',
    expandedPrompt: '',
    inputIds: [],
    logitPositions: [],
    greedyIds: [],
  };
  const fixture = { name: 'made up', folder, checkpoint: folder, images: folder };
  return { fixture, name: 'case', golden, index: 0 };
}

test('tiles of one size lie below each other in one picture', async (context) => {
  const image = await imageOf(context, 2, {
    'pixels-0.png': [
      [1, 2, 3],
      [4, 5, 6],
    ],
  });
  const tiles = await readPixels(image, plain);
  assert.deepEqual(
    tiles.map(({ width, height, pixels }) => [width, height, [...pixels]]),
    [
      [3, 1, [1, 2, 3, 1, 2, 3, 1, 2, 3]],
      [3, 1, [4, 5, 6, 4, 5, 6, 4, 5, 6]],
    ],
  );
});

test('tiles of different sizes lie in pictures of their own', async (context) => {
  const image = await imageOf(context, 2, { 'pixels-0-0.png': [[1, 2]], 'pixels-0-1.png': [[3], [4]] });
  const tiles = await readPixels(image, plain);
  assert.deepEqual(
    tiles.map(({ width, height, pixels }) => [width, height, [...pixels]]),
    [
      [2, 1, [1, 2, 1, 2, 1, 2]],
      [1, 2, [3, 4, 3, 4, 3, 4]],
    ],
  );
});

test("pixels are normalised by the checkpoint's own numbers, channel by channel", async (context) => {
  const image = await imageOf(context, 1, { 'pixels-0.png': [[100]] });
  const [tile] = await readPixels(image, { rescale: 0.5, mean: [1, 2, 3], std: [1, 2, 4] });
  assert.deepEqual([...(tile?.pixels ?? [])], [49, 24, 11.75]);
});
