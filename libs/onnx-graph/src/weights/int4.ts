import { blockShapes, INT4_BLOCK } from './blocks.ts';
import type { Encoding } from './encoding.ts';
import { fitInt4Block, INT4_MAX, type Int4Block, nearest } from './int4-block-fit.ts';
import { rotateRows } from './rotate-rows.ts';

/**
 * Four bits for each element of a rotated row (rotation.ts); for each block of 32 a scale, and a zero point between 0 and
 * 15: the rotated w is about (code - zero) · scale, both chosen by `fitInt4Block`. Zeros stay zeros. The layout is the one of com.microsoft
 * `MatMulNBits`: codes [rows, blocks, 16] with the first element of a pair in the low bits, and zero points in pairs
 * of blocks the same way.
 */
export const int4: Encoding = {
  outputs: (shape) => {
    const { rows, blocks } = blockShapes(shape, INT4_BLOCK);
    return [
      { suffix: '.int4', type: 'uint8', shape: [rows, blocks, INT4_BLOCK / 2] },
      { suffix: '.int4.scales', type: 'float32', shape: [rows, blocks] },
      { suffix: '.int4.zeros', type: 'uint8', shape: [rows, Math.ceil(blocks / 2)] },
    ];
  },
  encode: (chunk, [codes, scales, zeros]) => {
    if (!codes || !scales || !zeros) return;
    const { rows, first, count, columns } = chunk;
    rotateRows(chunk);
    const blocks = Math.ceil(columns / INT4_BLOCK);
    const pairs = Math.ceil(blocks / 2);
    const factors = new Float32Array(scales.buffer, scales.byteOffset, scales.byteLength / 4);
    for (let row = 0; row < count; row++) {
      for (let block = 0; block < blocks; block++) {
        const begin = row * columns + block * INT4_BLOCK;
        const end = Math.min(begin + INT4_BLOCK, (row + 1) * columns);
        const fit = fitInt4Block(rows, begin, end);
        const target = (first + row) * blocks + block;
        factors[target] = fit.scale;
        writeNibble(zeros, (first + row) * pairs * 2 + block, fit.zero);
        packCodes(
          rows.subarray(begin, end),
          fit,
          codes.subarray((target * INT4_BLOCK) / 2, ((target + 1) * INT4_BLOCK) / 2),
        );
      }
    }
  },
};

/** Places behind the end of a row take the code of zero. */
function packCodes(elements: Float32Array, { scale, zero }: Int4Block, into: Uint8Array): void {
  const factor = scale === 0 ? 0 : 1 / scale;
  for (let pair = 0; pair < into.length; pair++) {
    const low = codeOf((elements[2 * pair] ?? 0) * factor, zero);
    const high = codeOf((elements[2 * pair + 1] ?? 0) * factor, zero);
    into[pair] = low | (high << 4);
  }
}

function codeOf(steps: number, zero: number): number {
  return Math.min(INT4_MAX, Math.max(0, nearest(steps) + zero));
}

/** Writes four bits of a byte whose others are zero or belong to the same row. */
function writeNibble(bytes: Uint8Array, index: number, value: number): void {
  const shift = (index & 1) * 4;
  bytes[index >> 1] = ((bytes[index >> 1] ?? 0) & ~(0xf << shift)) | (value << shift);
}
