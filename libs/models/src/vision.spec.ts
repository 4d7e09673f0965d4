import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openCheckpoint } from '@diptych/checkpoint';
import { DiptychError } from '@diptych/errors';
import type { ImagePlan, ImageStep, Size, TileGrid } from '@diptych/image';
import fc from 'fast-check';
import { describeModel } from './load-model.ts';

/** A tiny checkpoint of every family, in every form that its tests know. */
const FIXTURES = join(import.meta.dirname, '../../../tests/golden/fixtures');
const checkpoints = readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'checkpoint')));

const side = fc.oneof(
  fc.integer({ min: 1, max: 2000 }),
  fc.integer({ min: 1, max: 65_535 }),
  fc.constantFrom(1, 65_535),
);
const source = fc.record({ width: side, height: side });
const split = fc.constantFrom(true, false, undefined);

for (const name of checkpoints) {
  describe(`images of any size and shape: ${name}`, async () => {
    const checkpoint = await openCheckpoint(join(FIXTURES, name, 'checkpoint'));
    const model = await describeModel(checkpoint);
    const { vision, imageToken } = model;
    /** Checks what becomes of images; one that the model refuses as too large is no image. */
    const forAnyImage = (check: (plan: ImagePlan, grid: TileGrid, size: Size) => void) =>
      fc.assert(
        fc.property(source, split, (size, wanted) => {
          const plan = planOf(() => vision.planImage(size, { split: wanted }));
          fc.pre(plan !== undefined);
          check(plan, gridOf(plan, size), size);
        }),
      );

    test('each step fits the image that it is given, and each view ends at whole tiles', () => {
      forAnyImage((plan, _, size) => {
        for (const [index, end] of endsOf(plan, size).entries()) {
          const { width, height } = plan.views[index]?.tile ?? assert.fail();
          assert.deepEqual([end.width % width, end.height % height], [0, 0], `view ${index}`);
        }
      });
    });

    test('there is a number of tokens for each tile, and a placeholder for each token', () => {
      forAnyImage((plan, grid, size) => {
        const tileTokens = vision.countTokens(grid);
        assert.equal(tileTokens.length, countTiles(plan, size));
        const tokens = tileTokens.reduce((sum, count) => sum + count, 0);
        const text = model.expandImage({ ...grid, tileTokens });
        assert.equal(text.split(imageToken).length - 1, tokens);
      });
    });

    test('the rows that are selected are rows of the tiles, as many as there are tokens', () => {
      forAnyImage((plan, grid, size) => {
        const available = countTiles(plan, size) * vision.rowsPerTile;
        const tokens = vision.countTokens(grid).reduce((sum, count) => sum + count, 0);
        const selected = vision.selectRows?.(grid);
        assert.equal(selected?.length ?? available, tokens);
        assert.ok(selected?.every((row) => row >= 0 && row < available) ?? true);
      });
    });

    test('a grid of made-up numbers is counted or refused, never a crash', () => {
      const any = fc.oneof(fc.nat(5), fc.nat(4096));
      const grids = fc.record({
        sourceWidth: side,
        sourceHeight: side,
        processedWidth: any,
        processedHeight: any,
        rows: fc.nat(70),
        columns: fc.nat(70),
      });
      const refused = (error: unknown) => error instanceof DiptychError && error.code === 'embedding_invalid';
      fc.assert(
        fc.property(grids, (grid) => {
          try {
            assert.ok(vision.countTokens(grid).every((tokens) => Number.isInteger(tokens) && tokens >= 0));
          } catch (error) {
            if (!refused(error)) throw error;
          }
        }),
      );
    });

    test('the tile for warming up is one that the model makes', () => {
      const made = [true, false].flatMap((wanted) =>
        vision.planImage(vision.warmUpTile, { split: wanted }).views.map(({ tile }) => tile),
      );
      const isUsual = ({ width, height }: Size) =>
        width === vision.warmUpTile.width && height === vision.warmUpTile.height;
      assert.ok(made.some(isUsual), JSON.stringify({ made, warmUp: vision.warmUpTile }));
    });
  });
}

function planOf(plan: () => ImagePlan): ImagePlan | undefined {
  try {
    return plan();
  } catch (error) {
    if (error instanceof DiptychError && error.code === 'image_too_large') return undefined;
    throw error;
  }
}

function gridOf({ rows, columns, processed }: ImagePlan, { width, height }: Size): TileGrid {
  const sizes = { processedWidth: processed.width, processedHeight: processed.height };
  return { sourceWidth: width, sourceHeight: height, ...sizes, rows, columns };
}

/** The last image of each view. */
function endsOf({ views }: ImagePlan, size: Size): Size[] {
  const ends: Size[] = [];
  for (const { from, steps } of views) {
    const start = from === undefined ? size : ends[from];
    ends.push(steps.reduce<Size>(stepped, start ?? assert.fail('a view starts from an earlier one')));
  }
  return ends;
}

function stepped(image: Size, step: ImageStep): Size {
  const { width, height } = step;
  const numbers = step.kind === 'resize' ? [] : [step.left, step.top];
  assert.ok([width, height].every((length) => Number.isInteger(length) && length > 0));
  assert.ok(numbers.every((offset) => Number.isInteger(offset) && offset >= 0));
  if (step.kind === 'crop')
    assert.ok(step.left + width <= image.width && step.top + height <= image.height, 'a crop lies inside');
  if (step.kind === 'pad')
    assert.ok(
      step.left + image.width <= width && step.top + image.height <= height,
      'an image fits its canvas',
    );
  return { width, height };
}

function countTiles(plan: ImagePlan, size: Size): number {
  const tiles = endsOf(plan, size).map(({ width, height }, index) => {
    const { tile } = plan.views[index] ?? assert.fail();
    return (width / tile.width) * (height / tile.height);
  });
  return tiles.reduce((sum, count) => sum + count, 0);
}
