import { matrixSize } from './weight-source.ts';

/** Elements of a row that share a scale in four bits: fewer cost memory for scales, more cost accuracy. */
export const INT4_BLOCK = 32;

/** Elements of a row that share a scale in a table of bytes, whose steps are fine enough for longer blocks. */
export const INT8_BLOCK = 64;

/** Rows of a weight and blocks of each row; the last block is filled up with zeros. */
export function blockShapes(
  shape: readonly number[],
  block: number,
): { readonly rows: number; readonly blocks: number } {
  const { rows, columns } = matrixSize(shape);
  return { rows, blocks: Math.ceil(columns / block) };
}
