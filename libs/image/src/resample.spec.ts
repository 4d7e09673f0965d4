import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readGoldens } from './golden.ts';
import type { Resample } from './image-plan.ts';
import { resample } from './resample.ts';

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
