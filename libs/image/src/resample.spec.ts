import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readGoldens } from './golden.ts';
import type { Resample, Size } from './image-plan.ts';
import { type RgbImage, resample } from './resample.ts';
import { resample as plainResample } from './spec-support/plain-resample.ts';

const FILTERS: readonly Resample[] = ['lanczos3', 'bicubic', 'bilinear'];

for (const golden of readGoldens().resizes) {
  test(`resizes ${golden.width} x ${golden.height} to the very pixels of Pillow`, () => {
    const source = { ...golden, data: Uint8Array.from(Buffer.from(golden.pixels, 'base64')) };
    for (const { width, height, filter, pixels } of golden.results) {
      const { data } = resample(source, { width, height }, filter);
      assert.deepEqual(Buffer.from(data), Buffer.from(pixels, 'base64'), `${filter} to ${width} x ${height}`);
    }
  });
}

function noise(width: number, height: number, seed: number): RgbImage {
  // Black and white beside each other make weights below 0 show: sums leave 0 to 255 on both sides.
  const values = [0, 255, 0, 255, 128, 3];
  const data = Uint8Array.from(
    { length: 3 * width * height },
    (_, index) => values[Math.imul(index + seed, 0x9e3779b1) >>> 29] ?? index % 256,
  );
  return { width, height, data };
}

function agrees(source: RgbImage, target: Size, filter: Resample): void {
  const name = `${filter} from ${source.width} x ${source.height} to ${target.width} x ${target.height}`;
  const resized = resample(source, target, filter);
  assert.deepEqual([resized.width, resized.height], [target.width, target.height], name);
  const plain = plainResample(source, target, filter);
  assert.equal(Buffer.compare(resized.data, plain.data), 0, name);
}

describe('the kernels give the very bytes of plain arithmetic', () => {
  test('at any sizes, larger and smaller', () => {
    const side = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 150 }));
    const sizes = fc.record({ width: side, height: side });
    fc.assert(
      fc.property(sizes, sizes, fc.nat(), fc.constantFrom(...FILTERS), (source, target, seed, filter) =>
        agrees(noise(source.width, source.height, seed), target, filter),
      ),
      { numRuns: 400 },
    );
  });

  for (const [source, target] of [
    [
      { width: 1, height: 1 },
      { width: 33, height: 17 },
    ],
    [
      { width: 1, height: 700 },
      { width: 3, height: 5 },
    ],
    [
      { width: 700, height: 1 },
      { width: 5, height: 3 },
    ],
    [
      { width: 300, height: 400 },
      { width: 1, height: 1 },
    ],
    [
      { width: 240, height: 380 },
      { width: 611, height: 403 },
    ],
    [
      { width: 611, height: 403 },
      { width: 240, height: 150 },
    ],
    // One band of it holds few rows, or not even those of a single result.
    [
      { width: 20_001, height: 9 },
      { width: 20_000, height: 11 },
    ],
    [
      { width: 700, height: 900 },
      { width: 701, height: 3 },
    ],
  ] as const)
    test(`${source.width} x ${source.height} to ${target.width} x ${target.height}`, () => {
      for (const filter of FILTERS) agrees(noise(source.width, source.height, 1), target, filter);
    });
});

test('a plain colour stays what it is, at any size', () => {
  const edge = fc.integer({ min: 1, max: 90 });
  const colour = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
  fc.assert(
    fc.property(
      edge,
      edge,
      edge,
      edge,
      colour,
      fc.constantFrom(...FILTERS),
      (fromW, fromH, toW, toH, rgb, filter) => {
        const data = Uint8Array.from({ length: fromW * fromH * 3 }, (_, index) => rgb[index % 3] ?? 0);
        const resized = resample({ width: fromW, height: fromH, data }, { width: toW, height: toH }, filter);
        assert.equal(resized.data.length, toW * toH * 3);
        assert.ok(resized.data.every((value, index) => value === rgb[index % 3]));
      },
    ),
  );
});

test('the extremes that crashed others end at the size that was asked for', () => {
  for (const [width, height] of [
    [20_000, 1],
    [1, 20_000],
    [52_800, 44],
  ] as const) {
    const source = { width, height, data: new Uint8Array(width * height * 3).fill(200) };
    const { data } = resample(source, { width: 64, height: 64 }, 'lanczos3');
    assert.ok(data.length === 64 * 64 * 3 && data.every((value) => value === 200));
  }
});
