import { DiptychError } from '@diptych/errors';
import type { Size, TileGrid } from '@diptych/image';
import { countWholeTokens } from '../llava/prompt.ts';
import type { LlavaNextConfig } from './config.ts';
import { bestResolution, type Kept, unpad } from './grid.ts';

/** What of a model decides how the features of its tiles are packed. */
export type PackingRules = Pick<LlavaNextConfig, 'vision' | 'pinpoints'>;

/**
 * Rows of features that each tile of an image brings to the prompt: all patches of the whole image, then of each tile
 * the patches that are left of it. The newline at the end of a row of patches is counted with the last tile of its
 * row. An image that is not split is all its patches and one newline.
 *
 * @throws DiptychError `embedding_invalid` for a grid that this model never makes of such a source.
 */
export function countPackedTokens(grid: TileGrid, rules: PackingRules): readonly number[] {
  const { side, imageSize } = rules.vision;
  if (grid.rows === 0) return countWholeTokens(grid, imageSize, side ** 2 + 1);
  checkGrid(grid, rules);
  const kept = keptPatches(grid, side);
  const tiles = Array.from({ length: grid.rows }, (_, row) => {
    const rows = overlap(kept.top, kept.rows, row * side, side);
    return Array.from({ length: grid.columns }, (_, column) => {
      const newlines = column === grid.columns - 1 ? rows : 0;
      return rows * overlap(kept.left, kept.columns, column * side, side) + newlines;
    });
  });
  return [side ** 2, ...tiles.flat()];
}

/**
 * Which rows of the tiles' [tiles × (patches + 1)], where the last row of each is the newline, make up the image:
 * the whole image, then row by row over all tiles the patches that show the image and a newline. transformers'
 * `pack_image_features`.
 *
 * @throws DiptychError `embedding_invalid` as `countPackedTokens`.
 */
export function selectPackedRows(grid: TileGrid, rules: PackingRules): Int32Array {
  const total = countPackedTokens(grid, rules).reduce((sum, tokens) => sum + tokens, 0);
  const { side } = rules.vision;
  if (grid.rows === 0) return Int32Array.from({ length: total }, (_, row) => row);
  const selected = new Int32Array(total);
  let length = 0;
  const take = (tile: number, row: number) => (selected[length++] = tile * (side ** 2 + 1) + row);
  for (let patch = 0; patch < side ** 2; patch++) take(0, patch);
  const kept = keptPatches(grid, side);
  for (let down = kept.top; down < kept.top + kept.rows; down++) {
    const first = 1 + Math.floor(down / side) * grid.columns;
    for (let across = kept.left; across < kept.left + kept.columns; across++)
      take(first + Math.floor(across / side), (down % side) * side + (across % side));
    take(first + grid.columns - 1, side ** 2);
  }
  return selected;
}

function keptPatches({ sourceWidth, sourceHeight, rows, columns }: TileGrid, side: number): Kept {
  return unpad({ width: sourceWidth, height: sourceHeight }, { rows: rows * side, columns: columns * side });
}

/** How many of `length` positions from `start` lie among `others` positions from `from`. */
function overlap(start: number, length: number, from: number, others: number): number {
  return Math.max(0, Math.min(start + length, from + others) - Math.max(start, from));
}

function checkGrid(grid: TileGrid, { vision, pinpoints }: PackingRules): void {
  const source = { width: grid.sourceWidth, height: grid.sourceHeight };
  if (source.width < 1 || source.height < 1) throw emptySource(source);
  const { width, height } = bestResolution(source, pinpoints);
  const isProcessed = grid.processedWidth === width && grid.processedHeight === height;
  if (isProcessed && grid.rows * vision.imageSize === height && grid.columns * vision.imageSize === width)
    return;
  throw new DiptychError(
    'embedding_invalid',
    `The layout says ${grid.processedWidth} x ${grid.processedHeight} pixels in ${grid.rows} rows and ` +
      `${grid.columns} columns of tiles; this model makes ${width} x ${height} of a source of ${source.width} x ` +
      `${source.height}, in tiles of ${vision.imageSize}.`,
    { param: 'layout.rows' },
  );
}

function emptySource({ width, height }: Size): DiptychError {
  const message = `The layout's source is ${width} x ${height}; both must be at least 1.`;
  return new DiptychError('embedding_invalid', message, { param: 'layout.source_width' });
}
