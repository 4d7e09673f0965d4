import { blockShapes, INT4_BLOCK } from './blocks.ts';
import type { Encoding } from './encoding.ts';
import { fitInt4Block, INT4_MAX, type Int4Block, nearest } from './int4-block-fit.ts';
import { SMALLEST_SCALE } from './int8.ts';
import { rotateRows } from './rotate-rows.ts';

/** Largest code of a scale. */
const SCALE_MAX = 255;

/**
 * Four bits for each element of a rotated row (rotation.ts); for each block of 32 a scale of eight bits in steps that the
 * row has, and a zero point between 0 and 15: the rotated w is about (code - zero) · scale · step. `fitInt4Block` chooses
 * scale and zero point; scales in bytes are as good as in float32 (docs/weights.md). Zeros stay zeros. Codes and zero
 * points lie as com.microsoft `MatMulNBits` wants them: codes [rows, blocks, 16] with the first element of a pair in the
 * low bits, and zero points in pairs of blocks the same way.
 */
export const int4: Encoding = {
  outputs: (shape) => {
    const { rows, blocks } = blockShapes(shape, INT4_BLOCK);
    return [
      { suffix: '.int4', type: 'uint8', shape: [rows, blocks, INT4_BLOCK / 2] },
      { suffix: '.int4.scales', type: 'uint8', shape: [rows, blocks] },
      { suffix: '.int4.steps', type: 'float32', shape: [rows, 1] },
      { suffix: '.int4.zeros', type: 'uint8', shape: [rows, Math.ceil(blocks / 2)] },
    ];
  },
  encode: (chunk, [codes, scales, steps, zeros]) => {
    if (!codes || !scales || !steps || !zeros) return;
    const { rows, first, count, columns, totalRows } = chunk;
    rotateRows(chunk);
    const blocks = Math.ceil(columns / INT4_BLOCK);
    const pairs = Math.ceil(blocks / 2);
    const rowSteps = new Float32Array(steps.buffer, steps.byteOffset, totalRows);
    for (let row = 0; row < count; row++) {
      const elements = rows.subarray(row * columns, (row + 1) * columns);
      const fits = fitRow(elements);
      const step = scaleStep(fits);
      rowSteps[first + row] = step;
      for (const [block, { scale, zero }] of fits.entries()) {
        const target = (first + row) * blocks + block;
        const code = step === 0 ? 0 : Math.max(1, Math.round(scale / step));
        scales[target] = code;
        writeNibble(zeros, (first + row) * pairs * 2 + block, zero);
        packCodes(
          elements.subarray(block * INT4_BLOCK, (block + 1) * INT4_BLOCK),
          { scale: code * step, zero },
          codes.subarray((target * INT4_BLOCK) / 2, ((target + 1) * INT4_BLOCK) / 2),
        );
      }
    }
  },
};

function fitRow(elements: Float32Array): Int4Block[] {
  return Array.from({ length: Math.ceil(elements.length / INT4_BLOCK) }, (_, block) =>
    fitInt4Block(elements, block * INT4_BLOCK, Math.min((block + 1) * INT4_BLOCK, elements.length)),
  );
}

/** What the scales of a row are multiples of, so that the largest takes the largest code. */
function scaleStep(fits: readonly Int4Block[]): number {
  const largest = fits.reduce((most, { scale }) => Math.max(most, scale), 0);
  const step = Math.fround(largest / SCALE_MAX);
  return step < SMALLEST_SCALE ? 0 : step;
}

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
