import { DiptychError } from '@diptych/errors';
import type { ImageLayout, TileGrid } from '@diptych/image';
import type { ImageNeighbours } from '@diptych/text';

/** What chat templates write in place of an image, and the placeholder of one feature row. */
export const IMAGE_TOKEN = '<image>';

/** The token that ends a turn of a conversation. */
export const END_OF_UTTERANCE = '<end_of_utterance>';

/**
 * The placeholders of one image, as transformers' Idefics2Processor writes them: each tile between two marks, where
 * neighbours share one, also across images; a space keeps a word that follows at once apart from the mark.
 */
export function expandIdefics2Image(
  { tileTokens }: ImageLayout,
  { followsImage, next }: ImageNeighbours = ALONE,
): string {
  const tiles = tileTokens.map((tokens) => `${IMAGE_TOKEN.repeat(tokens)}${AROUND}`).join('');
  const opening = followsImage ? '' : AROUND;
  return `${opening}${tiles}${JOINS.test(next) ? ' ' : ''}`;
}

/**
 * Tokens of each tile, which are the same for all: four quarters and the image, or the image alone.
 *
 * @throws DiptychError `embedding_invalid` for any other number of rows and columns.
 */
export function countIdefics2Tokens({ rows, columns }: TileGrid, latents: number): readonly number[] {
  if (rows === 0 && columns === 0) return [latents];
  if (rows === 2 && columns === 2) return Array<number>(5).fill(latents);
  throw new DiptychError(
    'embedding_invalid',
    `The layout has ${rows} rows and ${columns} columns of tiles; this model makes 2 of each, or none.`,
    { param: 'layout.rows' },
  );
}

const ALONE: ImageNeighbours = { followsImage: false, next: '' };

const AROUND = '<fake_token_around_image>';

/** A character that is neither "<" nor whitespace: Python's, which JavaScript's differs from by a few characters. */
const JOINS = /^[^<\t-\r\u001C- \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]/u;
