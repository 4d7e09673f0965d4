import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageStep } from '@diptych/image';
import fc from 'fast-check';
import { llavaSteps } from '../spec/llava-rules.ts';
import { planLlavaImage } from './image-processor.ts';
import { imageSettings } from './image-settings.ts';

const settings = imageSettings(['LlavaImageProcessor', 'CLIPImageProcessor', 'SiglipImageProcessor']);
const small = { size: { shortest_edge: 56 }, crop_size: { height: 56, width: 56 } };

test('images of every shape are padded, resized and cropped as the reference does', async () => {
  for (const { settings: given, source, steps } of await llavaSteps()) {
    const [width, height] = source;
    const plan = planLlavaImage(settings.parse(given), { width, height });
    const name = `${width} x ${height} with ${JSON.stringify(given)}`;
    assert.deepEqual((plan.views[0]?.steps ?? []).map(withoutColour), steps, name);
  }
});

test('an image is one tile of the crop, for every size and shape', () => {
  const side = fc.integer({ min: 1, max: 5000 });
  const property = fc.property(fc.record({ width: side, height: side }), fc.boolean(), (source, do_pad) => {
    const plan = planLlavaImage(settings.parse({ ...small, do_pad }), source);
    const tile = { width: 56, height: 56 };
    assert.deepEqual(plan.processed, tile);
    assert.deepEqual([plan.rows, plan.columns, plan.views.map((view) => view.tile)], [0, 0, [tile]]);
  });
  fc.assert(property);
});

test('the square around an image has the mean colour, a crop beyond the image is filled up with black', () => {
  const padded = planLlavaImage(settings.parse({ ...small, do_pad: true }), { width: 10, height: 20 });
  assert.deepEqual(padded.views[0]?.steps[0], {
    kind: 'pad',
    left: 5,
    top: 0,
    width: 20,
    height: 20,
    colour: [122, 116, 104],
  });
  const cropped = planLlavaImage(settings.parse({ ...small, do_resize: false }), { width: 10, height: 20 });
  assert.deepEqual(cropped.views[0]?.steps, [
    { kind: 'pad', left: 23, top: 18, width: 56, height: 56, colour: [0, 0, 0] },
  ]);
});

test('do_pad of the other processors fills up batches and changes no image', () => {
  const clip = settings.parse({ ...small, image_processor_type: 'CLIPImageProcessorFast', do_pad: true });
  assert.equal(clip.padColour, undefined);
});

test('each processor has the defaults of its class', () => {
  const clip = settings.parse({ image_processor_type: 'CLIPImageProcessor' });
  assert.deepEqual(clip.crop, { width: 224, height: 224 });
  assert.deepEqual([clip.resample, clip.mean[0]], ['bicubic', 0.48145466]);
  assert.deepEqual(settings.parse({ feature_extractor_type: 'CLIPFeatureExtractor', size: null }), clip);
  const siglip = settings.parse({ image_processor_type: 'SiglipImageProcessor' });
  assert.deepEqual(siglip.size, { height: 224, width: 224 });
  assert.deepEqual([siglip.crop, siglip.mean[0], siglip.std[0]], [undefined, 0.5, 0.5]);
});

test('sizes may be plain numbers, as older files have them', () => {
  const older = settings.parse({ size: 56, crop_size: 56 });
  assert.deepEqual([older.size, older.crop], [{ shortest_edge: 56 }, { width: 56, height: 56 }]);
});

function withoutColour(step: ImageStep): unknown {
  const { kind, width, height } = step;
  return kind === 'resize' ? step : { kind, left: step.left, top: step.top, width, height };
}
