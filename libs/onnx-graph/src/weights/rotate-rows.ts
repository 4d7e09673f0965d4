import type { RowChunk } from './encoding.ts';
import { largestMagnitude } from './finite.ts';
import { rotate, rotationBlock } from './rotation.ts';

/**
 * Rotates the rows of a chunk in place, as `rotatedRows` does with what they are multiplied by.
 *
 * @throws UnencodableError where a row holds NaN or infinity, which is named as the checkpoint has it.
 */
export function rotateRows(chunk: RowChunk): void {
  const { rows, count, columns } = chunk;
  const block = rotationBlock(columns);
  for (let begin = 0; begin < count * columns; begin += columns) {
    largestMagnitude(chunk, begin, begin + columns);
    rotate(rows, begin, begin + columns, block);
  }
}
