import type { TileLayout } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { VisionDescription } from '@diptych/models';

/** The layout's own fields, without the message around them. */
export type WireLayout = Pick<
  TileLayout,
  'sourceWidth' | 'sourceHeight' | 'processedWidth' | 'processedHeight' | 'rows' | 'columns' | 'tileTokens'
>;

/** Tiles of one image; real ones have at most some dozens. Bounds what a layout may cost before it is worked out. */
const MAX_TILES = 4096;

/**
 * Holds a layout against the model: each tile has exactly the tokens that the model gives it.
 *
 * @throws DiptychError `embedding_invalid` naming the field
 */
export function checkLayout(layout: WireLayout, vision: LayoutRules, path: string): void {
  const { rows, columns, tileTokens } = layout;
  if ((rows === 0) !== (columns === 0)) {
    throw invalid(
      `${path}.rows`,
      `must be 0 exactly where columns is, got ${rows} rows and ${columns} columns`,
    );
  }
  if (rows * columns > MAX_TILES)
    throw invalid(`${path}.rows`, `times columns must be at most ${MAX_TILES}, got ${rows} x ${columns}`);
  checkTokens(tileTokens, vision.countTokens(layout), `${path}.tile_tokens`);
}

/** What of a model decides how many tokens an image has. */
export type LayoutRules = Pick<VisionDescription, 'countTokens'>;

function checkTokens(got: readonly number[], expected: readonly number[], param: string): void {
  if (got.length !== expected.length)
    throw invalid(param, `must have ${expected.length} entries, one for each tile, got ${got.length}`);
  const wrong = got.findIndex((tokens, tile) => tokens !== expected[tile]);
  if (wrong < 0) return;
  throw invalid(param, `must be ${expected[wrong]} for tile ${wrong} of this model, got ${got[wrong]}`);
}

function invalid(param: string, problem: string): DiptychError {
  return new DiptychError('embedding_invalid', `${param} ${problem}.`, { param });
}
