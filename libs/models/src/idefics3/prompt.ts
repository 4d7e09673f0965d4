import { DiptychError } from '@diptych/errors';
import type { ImageLayout, TileGrid } from '@diptych/image';

/** What chat templates write in place of an image, and the placeholder of one feature row. */
export const IMAGE_TOKEN = '<image>';

/**
 * The placeholders of one image, as transformers' Idefics3Processor and SmolVLMProcessor write them: each tile
 * announced by its row and column, a line for each row of tiles, then the view of the whole image.
 *
 * @throws DiptychError `embedding_invalid` when the layout's tiles are not its rows times columns and one more.
 */
export function expandIdefics3Image({ rows, columns, tileTokens }: ImageLayout): string {
  checkTiles(rows, columns, tileTokens.length);
  const tiles = Array.from({ length: rows }, (_, row) => tileRow(row, columns, tileTokens)).join('');
  const whole = `${AROUND}${GLOBAL}${IMAGE_TOKEN.repeat(tileTokens.at(-1) ?? 0)}${AROUND}`;
  return tiles === '' ? whole : `${tiles}\n${whole}`;
}

/**
 * Tokens of each tile, which are the same for all: the tiles row by row, then the view of the whole image.
 *
 * @throws DiptychError `embedding_invalid` for rows without columns or columns without rows.
 */
export function countIdefics3Tokens({ rows, columns }: TileGrid, tokensPerTile: number): readonly number[] {
  if ((rows === 0) === (columns === 0)) return Array<number>(rows * columns + 1).fill(tokensPerTile);
  throw new DiptychError(
    'embedding_invalid',
    `The layout has ${rows} rows and ${columns} columns of tiles; an image has both or neither.`,
    { param: 'layout.rows' },
  );
}

const AROUND = '<fake_token_around_image>';
const GLOBAL = '<global-img>';

function tileRow(row: number, columns: number, tileTokens: readonly number[]): string {
  const tiles = tileTokens.slice(row * columns, (row + 1) * columns);
  const written = tiles.map(
    (tokens, column) => `${AROUND}<row_${row + 1}_col_${column + 1}>${IMAGE_TOKEN.repeat(tokens)}`,
  );
  return `${written.join('')}\n`;
}

function checkTiles(rows: number, columns: number, tiles: number): void {
  if (tiles === rows * columns + 1) return;
  throw new DiptychError(
    'embedding_invalid',
    `The layout has ${rows} rows and ${columns} columns of tiles and so ${rows * columns + 1} token counts with ` +
      `that of the whole image, but ${tiles} were sent.`,
    { param: 'layout.tile_tokens' },
  );
}
