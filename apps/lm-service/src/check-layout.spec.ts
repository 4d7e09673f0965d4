import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { openCheckpoint } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import { describeModel } from '@diptych/models';
import fc from 'fast-check';
import { checkLayout, type LayoutRules, type WireLayout } from './check-layout.ts';
import { TINY_CHECKPOINT } from './spec/service.ts';

/** Tiny checkpoints of every family. */
const FIXTURES = dirname(dirname(TINY_CHECKPOINT));
const checkpoints = readdirSync(FIXTURES)
  .map((name) => ({ name, folder: join(FIXTURES, name, 'checkpoint') }))
  .filter(({ folder }) => existsSync(folder));

const side = fc.integer({ min: 1, max: 65_535 });

for (const { name, folder } of checkpoints) {
  describe(`layouts for ${name}`, async () => {
    const { vision } = await describeModel(await openCheckpoint(folder));
    const layoutOf = (width: number, height: number, split: boolean) =>
      layoutFor(vision, { width, height }, split);

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
      assert.throws(() => checkLayout(layoutOf(330, 210, true), picky, 'images[0].layout'), {
        code: 'embedding_invalid',
        param: 'images[0].layout.source_width',
        message: /330 x 210/,
      });
    });

    test('no numbers make a layout slow to refuse: nothing is worked out from what it claims', () => {
      const counted: LayoutRules = {
        planImage: (source, options) => {
          assert.ok(
            Math.max(source.width, source.height) <= 65_535,
            'sides are bounded before they are used',
          );
          return vision.planImage(source, options);
        },
        countTokens: (grid) => {
          const source = { width: grid.sourceWidth, height: grid.sourceHeight };
          const made = [true, false].map((split) => vision.planImage(source, { split }));
          const isMade = made.some(({ rows, columns }) => rows === grid.rows && columns === grid.columns);
          assert.ok(isMade, 'the grid is one that the model makes');
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
        const { sourceWidth, sourceHeight } = layout;
        const sound = [true, false].map((split) => layoutOf(sourceWidth, sourceHeight, split));
        assert.ok(
          sound.some((each) => isDeepStrictEqual(layout, each)),
          JSON.stringify(layout),
        );
      });
      fc.assert(property, { numRuns: 500 });
    });
  });
}

/** The layout that the vision stage sends for an image of this size; none for one that the model refuses. */
function layoutFor(vision: LayoutRules, source: Size, split: boolean): WireLayout {
  const { rows, columns, processed } = planOf(vision, source, split);
  const grid = {
    sourceWidth: source.width,
    sourceHeight: source.height,
    processedWidth: processed.width,
    processedHeight: processed.height,
    rows,
    columns,
  };
  return { ...grid, tileTokens: [...vision.countTokens(grid)] };
}

function planOf(vision: LayoutRules, source: Size, split: boolean) {
  try {
    return vision.planImage(source, { split });
  } catch (error) {
    fc.pre(!(error instanceof DiptychError && error.code === 'image_too_large'));
    throw error;
  }
}

type Size = Parameters<LayoutRules['planImage']>[0];

/** Any number that the wire can carry; those of real layouts and the largest ones often. */
function uint32(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 0, max: 5 }),
    fc.constantFrom(16, 64, 256, 65_535, 2 ** 32 - 1),
  );
}
