import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImagePlan } from '@diptych/image';
import fc from 'fast-check';
import { referenceSizes } from '../spec/reference-rules.ts';
import { planIdefics3Image } from './image-processor.ts';
import { imageSettings } from './image-settings.ts';

const settings = imageSettings.parse({ size: { longest_edge: 256 }, max_image_size: { longest_edge: 64 } });
const sides = { width: fc.integer({ min: 1, max: 30_000 }), height: fc.integer({ min: 1, max: 30_000 }) };

test('images of every shape are resized and cut as the reference does', async () => {
  for (const { longestEdge, tile, source, split, whole } of await referenceSizes()) {
    const sized = imageSettings.parse({
      size: { longest_edge: longestEdge },
      max_image_size: { longest_edge: tile },
    });
    const [width, height] = source;
    const name = `${width} x ${height} to ${longestEdge} in tiles of ${tile}`;
    const plan = (options: { split: boolean }) => planIdefics3Image(sized, { width, height }, options);
    assert.deepEqual(cutOf(plan({ split: true })), split, `${name}, split`);
    assert.deepEqual(cutOf(plan({ split: false })), whole, `${name}, whole`);
  }
});

test('a large image is resized twice, cut into tiles and followed by the whole', () => {
  const plan = planIdefics3Image(settings, { width: 330, height: 210 }, {});
  assert.deepEqual(plan.resizes, [
    { width: 256, height: 162 },
    { width: 256, height: 192 },
  ]);
  assert.deepEqual([plan.rows, plan.columns, plan.globalView], [3, 4, true]);
});

test('an image that is not to be split becomes one tile', () => {
  const plan = planIdefics3Image(settings, { width: 330, height: 210 }, { split: false });
  assert.deepEqual(plan.resizes.at(-1), { width: 64, height: 64 });
  assert.deepEqual([plan.rows, plan.columns], [0, 0]);
});

test('an image that fits one tile is not split, whatever was asked for', () => {
  const small = imageSettings.parse({ size: { longest_edge: 64 }, max_image_size: { longest_edge: 64 } });
  const plan = planIdefics3Image(small, { width: 500, height: 20 }, { split: true });
  assert.deepEqual([plan.rows, plan.columns, plan.resizes.at(-1)], [0, 0, { width: 64, height: 64 }]);
});

test('tiles cover the resized image exactly, for every size and shape', () => {
  const property = fc.property(fc.record(sides), fc.boolean(), (source, split) => {
    const plan = planIdefics3Image(settings, source, { split });
    assert.deepEqual(plan.resizes.at(-1), {
      width: Math.max(plan.columns, 1) * 64,
      height: Math.max(plan.rows, 1) * 64,
    });
    assert.ok(plan.rows * plan.columns <= 16, 'at most four by four tiles');
    assert.ok(plan.resizes.every(({ width, height }) => Number.isInteger(width) && width > 0 && height > 0));
  });
  fc.assert(property);
});

test('without do_resize an image is only brought to whole tiles', () => {
  const plan = planIdefics3Image({ ...settings, size: undefined }, { width: 100, height: 60 }, {});
  assert.deepEqual(plan.resizes, [{ width: 128, height: 128 }]);
});

/** The plan in the form of the reference, which counts the resize of the view of the whole among the others. */
function cutOf({ resizes, rows, columns, tileSize }: ImagePlan) {
  const sizes = resizes.map(({ width, height }) => [width, height]);
  return { resizes: rows > 0 ? [...sizes, [tileSize, tileSize]] : sizes, rows, columns };
}
