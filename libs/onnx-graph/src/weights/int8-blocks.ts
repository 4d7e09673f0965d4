import { blockShapes, INT8_BLOCK } from './blocks.ts';
import type { Encoding } from './encoding.ts';
import { largestMagnitude } from './finite.ts';
import { int8Scale } from './int8.ts';

/** What the codes of `int8Blocks` count from: `MatMulNBits` takes it where it is given no zero points. */
export const INT8_BLOCKS_ZERO = 128;

/**
 * A byte for each element and a scale for each block of 64 in a row: w is about (code - 128) · scale. The layout
 * is the one of com.microsoft `MatMulNBits`, [rows, blocks, 64]; rows can be gathered from it as well, so that a
 * head and an embedding table can be one tensor.
 */
export const int8Blocks: Encoding = {
  outputs: (shape) => {
    const { rows, blocks } = blockShapes(shape, INT8_BLOCK);
    return [
      { suffix: '.int8blocks', type: 'uint8', shape: [rows, blocks, INT8_BLOCK] },
      { suffix: '.int8blocks.scales', type: 'float32', shape: [rows, blocks] },
    ];
  },
  encode: (chunk, [codes, scales]) => {
    if (!codes || !scales) return;
    const { rows, first, count, columns } = chunk;
    const blocks = Math.ceil(columns / INT8_BLOCK);
    const into = new Float32Array(scales.buffer, scales.byteOffset, scales.byteLength / 4);
    codes.fill(INT8_BLOCKS_ZERO, first * blocks * INT8_BLOCK, (first + count) * blocks * INT8_BLOCK);
    for (let index = 0; index < count * blocks; index++) {
      const row = Math.floor(index / blocks);
      const column = (index % blocks) * INT8_BLOCK;
      const begin = row * columns + column;
      const end = begin + Math.min(INT8_BLOCK, columns - column);
      const scale = int8Scale(largestMagnitude(chunk, begin, end));
      into[first * blocks + index] = scale;
      if (scale === 0) continue;
      const target = (first * blocks + index) * INT8_BLOCK - begin;
      for (let i = begin; i < end; i++)
        codes[target + i] = Math.round((rows[i] ?? 0) / scale) + INT8_BLOCKS_ZERO;
    }
  },
};
