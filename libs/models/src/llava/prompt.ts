import { DiptychError } from '@diptych/errors';
import type { ImageLayout, TileGrid } from '@diptych/image';

/**
 * The placeholders of one image, one for each row of features: transformers' LlavaProcessor and LlavaNextProcessor.
 *
 * @param imageToken The placeholder of one row.
 */
export function expandLlavaImage({ tileTokens }: ImageLayout, imageToken: string): string {
  return imageToken.repeat(tileTokens.reduce((sum, tokens) => sum + tokens, 0));
}

/**
 * Tokens of an image that is one tile.
 *
 * @throws DiptychError `embedding_invalid` for a grid of tiles, or a tile of another size.
 */
export function countWholeTokens(grid: TileGrid, tileSize: number, rows: number): readonly number[] {
  const { rows: down, columns: across, processedWidth: width, processedHeight: height } = grid;
  if (down === 0 && across === 0 && width === tileSize && height === tileSize) return [rows];
  throw new DiptychError(
    'embedding_invalid',
    `The layout says ${width} x ${height} pixels in ${down} rows and ${across} columns of tiles; an image is one ` +
      `whole tile of ${tileSize} x ${tileSize} here, with 0 rows and 0 columns.`,
    { param: 'layout.rows' },
  );
}
