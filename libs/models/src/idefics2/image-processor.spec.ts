import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageStep, ImageView, Size } from '@diptych/image';
import fc from 'fast-check';
import { type Idefics2View, idefics2Sizes } from '../spec/idefics2-rules.ts';
import { planIdefics2Image } from './image-processor.ts';
import { imageSettings } from './image-settings.ts';

const PATCH = 14;
const geometry = { images: imageSettings.parse({}), patchSize: PATCH, maxPatches: 4 * 70 ** 2 };

test('images of every shape are cut and resized as the reference does', async () => {
  for (const { shortestEdge, longestEdge, source, split, whole } of await idefics2Sizes()) {
    const images = imageSettings.parse({ size: { shortest_edge: shortestEdge, longest_edge: longestEdge } });
    const [width, height] = source;
    const name = `${width} x ${height} between ${shortestEdge} and ${longestEdge}`;
    const views = (options: { split: boolean }) =>
      planIdefics2Image({ ...geometry, images }, { width, height }, options).views;
    const [original] = whole.map((view) => stepsOf(view));
    const quarters = split?.slice(0, -1).map((view) => stepsOf(view, view.box)) ?? [];
    assert.deepEqual(views({ split: false }), [original], `${name}, whole`);
    assert.deepEqual(views({ split: true }), [...quarters, original], `${name}, split`);
  }
});

test('a photograph is brought within the longest edge and cut to whole patches', () => {
  const plan = planIdefics2Image(geometry, { width: 1920, height: 1080 }, {});
  assert.deepEqual(plan.views, [
    {
      steps: [
        { kind: 'resize', width: 980, height: 551 },
        { kind: 'crop', left: 0, top: 0, width: 980, height: 546 },
      ],
      tile: { width: 980, height: 546 },
    },
  ]);
  assert.deepEqual([plan.rows, plan.columns, plan.processed], [0, 0, { width: 980, height: 546 }]);
});

test('quarters are cut from the source, before anything is resized', () => {
  const { views, rows, columns } = planIdefics2Image(
    geometry,
    { width: 2001, height: 1500 },
    { split: true },
  );
  assert.deepEqual([rows, columns, views.length], [2, 2, 5]);
  assert.deepEqual(
    views.map(({ steps }) => steps[0]),
    [
      { kind: 'crop', left: 0, top: 0, width: 1000, height: 750 },
      { kind: 'crop', left: 1000, top: 0, width: 1001, height: 750 },
      { kind: 'crop', left: 0, top: 750, width: 1000, height: 750 },
      { kind: 'crop', left: 1000, top: 750, width: 1001, height: 750 },
      { kind: 'resize', width: 980, height: 734 },
    ],
  );
});

test('a side of one pixel has no halves, so the image stays whole', () => {
  const plan = planIdefics2Image(geometry, { width: 1, height: 500 }, { split: true });
  assert.deepEqual([plan.rows, plan.columns, plan.views.length], [0, 0, 1]);
});

test('every tile is of whole patches, and of no more than the edges allow', () => {
  const side = fc.integer({ min: 1, max: 65_535 });
  const property = fc.property(fc.record({ width: side, height: side }), fc.boolean(), (source, split) => {
    for (const { tile } of planIdefics2Image(geometry, source, { split }).views) {
      assert.ok(tile.width % PATCH === 0 && tile.height % PATCH === 0);
      assert.ok(Math.min(tile.width, tile.height) >= 378 && Math.max(tile.width, tile.height) <= 980);
    }
  });
  fc.assert(property);
});

test('without do_resize an image is only cut', () => {
  const images = imageSettings.parse({ do_resize: false });
  const plan = planIdefics2Image({ ...geometry, images }, { width: 100, height: 60 }, {});
  assert.deepEqual(plan.views[0]?.steps, [{ kind: 'crop', left: 0, top: 0, width: 98, height: 56 }]);
});

test('a fixed size is taken as it is', () => {
  const images = imageSettings.parse({ size: { width: 30, height: 42 } });
  const plan = planIdefics2Image({ ...geometry, images }, { width: 100, height: 60 }, {});
  assert.deepEqual(plan.processed, { width: 28, height: 42 });
});

test('refuses an image of less than a patch, and one of too many', () => {
  const images = imageSettings.parse({ do_resize: false });
  const plan = (source: Size) => planIdefics2Image({ ...geometry, images }, source, {});
  assert.throws(() => plan({ width: 13, height: 500 }), { code: 'image_not_decodable', message: /14 x 14/ });
  assert.throws(() => plan({ width: 4000, height: 4000 }), { code: 'image_too_large', message: /19600/ });
});

/** The reference's view as the steps of a plan, with the cut that stands for its mask. */
function stepsOf({ box: [, , ...part], size }: Idefics2View, quarter?: Idefics2View['box']): ImageView {
  const [width, height] = size;
  const tile = { width: width - (width % PATCH), height: height - (height % PATCH) };
  const steps: ImageStep[] = [];
  if (quarter) {
    const [left, top] = quarter;
    steps.push({ kind: 'crop', left, top, width: part[0], height: part[1] });
  }
  if (part[0] !== width || part[1] !== height) steps.push({ kind: 'resize', width, height });
  if (tile.width !== width || tile.height !== height) steps.push({ kind: 'crop', left: 0, top: 0, ...tile });
  return { steps, tile };
}
