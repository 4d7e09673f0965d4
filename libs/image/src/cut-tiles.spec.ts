import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutTiles } from './cut-tiles.ts';

const normalisation = { rescale: 1 / 255, mean: [0.5, 0.25, 0], std: [0.5, 0.125, 2] } as const;

// Of more pixels than are normalised at once: bands with a rest, and rows longer than a band.
for (const tile of [
  { width: 200, height: 130 },
  { width: 20_000, height: 2 },
])
  test(`every value of tiles of ${tile.width} x ${tile.height} stands in its plane and is normalised`, () => {
    const [width, height] = [2 * tile.width, tile.height];
    const data = Uint8Array.from(
      { length: 3 * width * height },
      (_, index) => Math.imul(index, 0x9e3779b1) >>> 24,
    );
    const tiles = cutTiles(
      { width, height, data },
      {
        ...normalisation,
        views: [{ steps: [], tile }],
        rows: 1,
        columns: 2,
        processed: { width, height },
        resample: 'bicubic',
      },
    );
    assert.equal(tiles.length, 2);
    for (const [column, { pixels }] of tiles.entries()) {
      const expected = Float32Array.from({ length: 3 * tile.width * tile.height }, (_, index) => {
        const channel = Math.floor(index / (tile.width * tile.height));
        const [x, y] = [index % tile.width, Math.floor(index / tile.width) % tile.height];
        const value = data[3 * (y * width + column * tile.width + x) + channel] ?? Number.NaN;
        const { rescale, mean, std } = normalisation;
        return Math.fround(Math.fround(value * rescale) - (mean[channel] ?? 0)) / (std[channel] ?? 1);
      });
      assert.equal(Buffer.compare(Buffer.from(pixels.buffer), Buffer.from(expected.buffer)), 0);
    }
  });
