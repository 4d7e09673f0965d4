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
  assert.deepEqual(resizesOf(plan), [
    [256, 162],
    [256, 192],
    [64, 64],
  ]);
  assert.deepEqual([plan.rows, plan.columns, plan.processed], [3, 4, { width: 256, height: 192 }]);
  assert.deepEqual(
    plan.views.map(({ from }) => from),
    [undefined, 0],
    'the whole is made from the image that is cut, not from the source',
  );
});

test('an image that is not to be split becomes one tile', () => {
  const plan = planIdefics3Image(settings, { width: 330, height: 210 }, { split: false });
  assert.deepEqual(resizesOf(plan).at(-1), [64, 64]);
  assert.deepEqual([plan.rows, plan.columns, plan.views.length], [0, 0, 1]);
});

test('an image that fits one tile is not split, whatever was asked for', () => {
  const small = imageSettings.parse({ size: { longest_edge: 64 }, max_image_size: { longest_edge: 64 } });
  const plan = planIdefics3Image(small, { width: 500, height: 20 }, { split: true });
  assert.deepEqual([plan.rows, plan.columns, plan.processed], [0, 0, { width: 64, height: 64 }]);
});

test('tiles cover the resized image exactly, for every size and shape', () => {
  const property = fc.property(fc.record(sides), fc.boolean(), (source, split) => {
    const plan = planIdefics3Image(settings, source, { split });
    const [width, height] = [Math.max(plan.columns, 1) * 64, Math.max(plan.rows, 1) * 64];
    assert.deepEqual(plan.processed, { width, height });
    const [cut] = plan.views;
    assert.deepEqual(cut?.steps.at(-1), { kind: 'resize', width, height });
    assert.ok(plan.rows * plan.columns <= 16, 'at most four by four tiles');
    assert.ok(
      resizesOf(plan)
        .flat()
        .every((side) => Number.isInteger(side) && side > 0),
    );
  });
  fc.assert(property);
});

test('without do_resize an image is only brought to whole tiles', () => {
  const plan = planIdefics3Image({ ...settings, size: undefined }, { width: 100, height: 60 }, {});
  assert.deepEqual(resizesOf(plan), [
    [128, 128],
    [64, 64],
  ]);
});

/** The plan in the form of the reference. */
function cutOf(plan: ImagePlan) {
  return { resizes: resizesOf(plan), rows: plan.rows, columns: plan.columns };
}

function resizesOf({ views }: ImagePlan): number[][] {
  return views.flatMap(({ steps }) => steps.map(({ width, height }) => [width, height]));
}
