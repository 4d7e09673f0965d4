import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { llavaNextCheckpoint } from '../spec/llava-checkpoint.ts';
import { llavaNextSizes } from '../spec/llava-rules.ts';
import { readLlavaNextConfig } from './config.ts';
import { planLlavaNextImage } from './image-processor.ts';

test('images of every shape are brought to the size, and laid in the place, of the reference', async () => {
  for (const { image, pinpoints, source, processed, resized, left, top } of await llavaNextSizes()) {
    const sizes = pinpoints.map(([height, width]) => ({ width, height }));
    const config = await readLlavaNextConfig(await llavaNextCheckpoint());
    const vision = { ...config.vision, imageSize: image };
    const options = { width: source[0], height: source[1] };
    const plan = planLlavaNextImage({ ...config, vision, pinpoints: sizes }, options, {});
    const name = `${source.join(' x ')} in tiles of ${image}`;
    assert.deepEqual(plan.processed, { width: processed[0], height: processed[1] }, name);
    assert.deepEqual([plan.rows * image, plan.columns * image], [processed[1], processed[0]], name);
    const steps = [
      { kind: 'resize', width: resized[0], height: resized[1] },
      { kind: 'pad', left, top, width: processed[0], height: processed[1], colour: [0, 0, 0] },
    ];
    assert.deepEqual(plan.views[1]?.steps, steps, name);
  }
});

test('the whole image comes first, squeezed into one tile', async () => {
  const config = await readLlavaNextConfig(await llavaNextCheckpoint());
  const plan = planLlavaNextImage(config, { width: 300, height: 50 }, {});
  const tile = { width: 56, height: 56 };
  assert.deepEqual(plan.views[0], { steps: [{ kind: 'resize', ...tile }], tile });
  assert.deepEqual([plan.rows, plan.columns], [1, 2]);
});

test('without splitting there is the whole image alone', async () => {
  const config = await readLlavaNextConfig(await llavaNextCheckpoint());
  const plan = planLlavaNextImage(config, { width: 300, height: 50 }, { split: false });
  assert.deepEqual([plan.views.length, plan.rows, plan.columns], [1, 0, 0]);
  assert.deepEqual(plan.processed, { width: 56, height: 56 });
});

test('every step stays within the grid, for sides up to the longest that are accepted', async () => {
  const config = await readLlavaNextConfig(await llavaNextCheckpoint());
  const side = fc.integer({ min: 1, max: 65_535 });
  const property = fc.property(fc.record({ width: side, height: side }), (source) => {
    const { views, processed } = planLlavaNextImage(config, source, {});
    for (const { width, height } of views.flatMap((view) => view.steps)) {
      assert.ok(Number.isInteger(width) && width > 0 && width <= processed.width);
      assert.ok(Number.isInteger(height) && height > 0 && height <= processed.height);
    }
  });
  fc.assert(property);
});
