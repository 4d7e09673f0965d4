import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openCheckpoint } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import { describeModel } from '@diptych/models';
import fc from 'fast-check';
import { checkLayout, type LayoutRules, type WireLayout } from './check-layout.ts';
import { TINY_CHECKPOINT } from './spec/service.ts';

const { vision } = await describeModel(await openCheckpoint(TINY_CHECKPOINT));

/** The layout that the vision stage sends for an image of this size. */
function layoutOf(sourceWidth: number, sourceHeight: number, split: boolean): WireLayout {
  const { rows, columns, processed } = vision.planImage(
    { width: sourceWidth, height: sourceHeight },
    { split },
  );
  const [processedWidth, processedHeight] = [processed.width, processed.height];
  const grid = { sourceWidth, sourceHeight, processedWidth, processedHeight, rows, columns };
  return { ...grid, tileTokens: [...vision.countTokens(grid)] };
}

const side = fc.integer({ min: 1, max: 65_535 });

test('what the vision stage makes of any image is taken', () => {
  const property = fc.property(side, side, fc.boolean(), (width, height, split) =>
    checkLayout(layoutOf(width, height, split), vision, 'images[0].layout'),
  );
  fc.assert(property);
});

test('a layout with one other number is refused, naming the field', () => {
  const names = {
    processedWidth: 'processed_width',
    processedHeight: 'processed_height',
    rows: 'rows',
    columns: 'columns',
  } as const;
  const field = fc.constantFrom(...(Object.keys(names) as (keyof typeof names)[]));
  const property = fc.property(side, side, field, uint32(), (width, height, name, value) => {
    const layout = layoutOf(width, height, false);
    fc.pre(layoutOf(width, height, true)[name] !== value && layout[name] !== value);
    assert.throws(() => checkLayout({ ...layout, [name]: value }, vision, 'images[2].layout'), {
      code: 'embedding_invalid',
      param: `images[2].layout.${names[name]}`,
    });
  });
  fc.assert(property);
});

test('a source that the model does not take is refused as the layout that it is', () => {
  const picky: LayoutRules = {
    ...vision,
    planImage: () => {
      throw new DiptychError('image_too_large', 'The image is too long and narrow.');
    },
  };
  assert.throws(() => checkLayout(layoutOf(65_535, 1, true), picky, 'images[0].layout'), {
    code: 'embedding_invalid',
    param: 'images[0].layout.source_width',
    message: /65535 x 1/,
  });
});

test('no numbers make a layout slow to refuse: nothing is worked out from what it claims', () => {
  const counted: LayoutRules = {
    planImage: (source, options) => {
      assert.ok(Math.max(source.width, source.height) <= 65_535, 'sides are bounded before they are used');
      return vision.planImage(source, options);
    },
    countTokens: (grid) => {
      assert.ok(grid.rows * grid.columns <= 16, 'the grid is one that the model makes');
      return vision.countTokens(grid);
    },
  };
  const hostile = fc.record({
    sourceWidth: uint32(),
    sourceHeight: uint32(),
    processedWidth: uint32(),
    processedHeight: uint32(),
    rows: uint32(),
    columns: uint32(),
    tileTokens: fc.array(uint32(), { maxLength: 20 }),
  });
  const property = fc.property(hostile, (layout) => {
    try {
      checkLayout(layout, counted, 'images[0].layout');
    } catch (error) {
      assert.ok(error instanceof DiptychError, String(error));
      assert.equal(error.code, 'embedding_invalid');
      assert.match(error.param ?? '', /^images\[0\]\.layout\.[a-z_]+$/);
      return;
    }
    const { sourceWidth, sourceHeight, rows } = layout;
    assert.deepEqual(layout, layoutOf(sourceWidth, sourceHeight, rows > 0));
  });
  fc.assert(property, { numRuns: 500 });
});

/** Any number that the wire can carry; those of real layouts and the largest ones often. */
function uint32(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 0, max: 5 }),
    fc.constantFrom(16, 64, 256, 65_535, 2 ** 32 - 1),
  );
}
