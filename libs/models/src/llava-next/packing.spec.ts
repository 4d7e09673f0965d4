import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TileGrid } from '@diptych/image';
import fc from 'fast-check';
import { llavaNextCheckpoint } from '../spec/llava-checkpoint.ts';
import { type LlavaNextGrid, llavaNextPackings, llavaNextSizes } from '../spec/llava-rules.ts';
import { type LlavaNextConfig, readLlavaNextConfig } from './config.ts';
import { planLlavaNextImage } from './image-processor.ts';
import { countPackedTokens, selectPackedRows } from './packing.ts';

const sum = (tokens: readonly number[]) => tokens.reduce((total, count) => total + count, 0);

test('an image of every shape has as many tokens as the processor of the reference writes', async () => {
  for (const row of await llavaNextSizes()) {
    const config = await configOf(row);
    assert.equal(sum(countPackedTokens(gridOf(row), config)), row.tokens, JSON.stringify(row));
  }
});

test('features are packed in the order of the reference, a newline after each row', async () => {
  for (const row of await llavaNextPackings()) {
    const config = await configOf(row);
    const patches = config.vision.side ** 2;
    const packed = Array.from(selectPackedRows(gridOf(row), config), (index) => {
      const [tile, patch] = [Math.floor(index / (patches + 1)), index % (patches + 1)];
      return patch === patches ? -1 : tile * patches + patch;
    });
    assert.deepEqual(packed, row.rows, JSON.stringify(row));
  }
});

test('each tile brings as many tokens as rows are selected of it', async () => {
  const config = await readLlavaNextConfig(await llavaNextCheckpoint());
  const perTile = config.vision.side ** 2 + 1;
  const side = fc.integer({ min: 1, max: 3000 });
  const property = fc.property(side, side, fc.boolean(), (width, height, split) => {
    const grid = planned(config, { width, height }, split);
    const counts = countPackedTokens(grid, config);
    assert.equal(counts.length, grid.rows * grid.columns + 1);
    const selected = counts.map(() => 0);
    for (const row of selectPackedRows(grid, config)) {
      const tile = Math.floor(row / perTile);
      selected[tile] = (selected[tile] ?? Number.NaN) + 1;
    }
    assert.deepEqual(selected, counts);
  });
  fc.assert(property);
});

test('an image that is not split is all patches and one newline', async () => {
  const config = await readLlavaNextConfig(await llavaNextCheckpoint());
  const grid = planned(config, { width: 300, height: 50 }, false);
  assert.deepEqual(countPackedTokens(grid, config), [17]);
  assert.deepEqual([...selectPackedRows(grid, config)], [...Array(17).keys()]);
});

test('refuses a grid that the model never makes of such a source', async () => {
  const config = await readLlavaNextConfig(await llavaNextCheckpoint());
  const grid = planned(config, { width: 300, height: 50 }, true);
  const wrong: Partial<TileGrid>[] = [
    { rows: 2 },
    { columns: 1 },
    { rows: 0, columns: 0 },
    { rows: 0 },
    { processedWidth: 113 },
    { sourceHeight: 300 },
  ];
  for (const change of wrong) {
    for (const rule of [countPackedTokens, selectPackedRows])
      assert.throws(() => rule({ ...grid, ...change }, config), {
        code: 'embedding_invalid',
        param: 'layout.rows',
      });
  }
});

test('refuses a source without pixels', async () => {
  const config = await readLlavaNextConfig(await llavaNextCheckpoint());
  const grid = { ...planned(config, { width: 300, height: 50 }, true), sourceWidth: 0 };
  assert.throws(() => countPackedTokens(grid, config), {
    code: 'embedding_invalid',
    param: 'layout.source_width',
  });
});

async function configOf({ image, patch, pinpoints }: LlavaNextGrid): Promise<LlavaNextConfig> {
  const key = JSON.stringify([image, patch, pinpoints]);
  const known = configs.get(key);
  if (known) return known;
  const checkpoint = await llavaNextCheckpoint({
    'config.json': {
      image_grid_pinpoints: pinpoints,
      vision_config: { image_size: image, patch_size: patch },
    },
    'preprocessor_config.json': { image_grid_pinpoints: pinpoints, size: image, crop_size: image },
  });
  const config = await readLlavaNextConfig(checkpoint);
  configs.set(key, config);
  return config;
}

const configs = new Map<string, LlavaNextConfig>();

function gridOf({ source, processed, image }: LlavaNextGrid): TileGrid {
  return {
    sourceWidth: source[0],
    sourceHeight: source[1],
    processedWidth: processed[0],
    processedHeight: processed[1],
    rows: processed[1] / image,
    columns: processed[0] / image,
  };
}

function planned(
  config: LlavaNextConfig,
  source: { width: number; height: number },
  split: boolean,
): TileGrid {
  const { processed, rows, columns } = planLlavaNextImage(config, source, { split });
  return {
    sourceWidth: source.width,
    sourceHeight: source.height,
    processedWidth: processed.width,
    processedHeight: processed.height,
    rows,
    columns,
  };
}
