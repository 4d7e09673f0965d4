import type { Encoding, RowChunk } from './encoding.ts';
import { largestMagnitude } from './finite.ts';
import { rotateRows } from './rotate-rows.ts';
import { matrixSize } from './weight-source.ts';

/** Largest code: the range is symmetric, so that zero stays zero. */
export const INT8_MAX = 127;

/**
 * A signed byte for each element of a rotated row (rotation.ts), and a scale for each row, which is an output channel of
 * a linear layer: the rotated w is about code · scale with scale = max|rotated row| / 127. The codes are stored
 * [columns, rows], as `MatMulInteger` wants.
 */
export const int8: Encoding = {
  outputs: (shape) => {
    const { rows, columns } = matrixSize(shape);
    return [
      { suffix: '.int8', type: 'int8', shape: [columns, rows] },
      { suffix: '.int8.scales', type: 'float32', shape: [rows] },
    ];
  },
  encode: (chunk, [codes, scales]) => {
    if (!codes || !scales) return;
    const { rows, first, count, columns, totalRows } = chunk;
    rotateRows(chunk);
    const factors = rowFactors(chunk, new Float32Array(scales.buffer, scales.byteOffset, totalRows));
    const into = new Int8Array(codes.buffer, codes.byteOffset, codes.byteLength);
    for (let begin = 0; begin < count; begin += ROWS_AT_ONCE) {
      const end = Math.min(begin + ROWS_AT_ONCE, count);
      for (let column = 0; column < columns; column++) {
        const target = column * totalRows + first;
        for (let row = begin; row < end; row++)
          into[target + row] = Math.round((rows[row * columns + column] ?? 0) * (factors[row] ?? 0));
      }
    }
  },
};

/** The scale under which this magnitude becomes the largest code. What is next to nothing becomes zero. */
export function int8Scale(largest: number): number {
  const scale = Math.fround(largest / INT8_MAX);
  return scale < SMALLEST_SCALE ? 0 : scale;
}

/** The smallest float32 with all its digits, 2^-126: smaller scales are too coarse, and processors may skip them. */
export const SMALLEST_SCALE = 2 ** -126;

/** Rows that are transposed together: their lines of memory, read and written, stay in a core's cache. */
const ROWS_AT_ONCE = 64;

/** Writes the scale of each row of the chunk and returns what its elements are multiplied by. */
function rowFactors(chunk: RowChunk, scales: Float32Array): Float64Array {
  const { first, count, columns } = chunk;
  return Float64Array.from({ length: count }, (_, row) => {
    const scale = int8Scale(largestMagnitude(chunk, row * columns, (row + 1) * columns));
    scales[first + row] = scale;
    return scale === 0 ? 0 : 1 / scale;
  });
}
