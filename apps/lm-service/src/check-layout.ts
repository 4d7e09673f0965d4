import type { TileLayout } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';

/** The layout's own fields, without the message around them. */
export type WireLayout = Pick<
  TileLayout,
  'sourceWidth' | 'sourceHeight' | 'processedWidth' | 'processedHeight' | 'rows' | 'columns' | 'tileTokens'
>;

/** Tiles of one image; real ones have at most some dozens. Bounds the text that an image is replaced by. */
const MAX_TILES = 4096;

/**
 * Holds a layout against itself and the model.
 *
 * @throws DiptychError `embedding_invalid` naming the field
 */
export function checkLayout(layout: WireLayout, tokensPerTile: number, path: string): void {
  const { rows, columns, tileTokens } = layout;
  if ((rows === 0) !== (columns === 0)) {
    throw invalid(
      `${path}.rows`,
      `must be 0 exactly where columns is, got ${rows} rows and ${columns} columns`,
    );
  }
  if (tileTokens.length === 0 || tileTokens.length > MAX_TILES || tileTokens.length !== rows * columns + 1) {
    const expected = `one entry for each of ${rows} x ${columns} tiles and one for the whole image`;
    throw invalid(`${path}.tile_tokens`, `must have ${expected}, got ${tileTokens.length}`);
  }
  const wrong = tileTokens.find((tokens) => tokens !== tokensPerTile);
  if (wrong === undefined) return;
  throw invalid(`${path}.tile_tokens`, `must be ${tokensPerTile} for every tile of this model, got ${wrong}`);
}

function invalid(param: string, problem: string): DiptychError {
  return new DiptychError('embedding_invalid', `${param} ${problem}.`, { param });
}
