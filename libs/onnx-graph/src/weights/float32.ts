import type { Encoding } from './encoding.ts';

/** Elements as they are; every element type of a checkpoint fits into float32 exactly. */
export const float32: Encoding = {
  outputs: (shape) => [{ suffix: '', type: 'float32', shape }],
  encode: ({ rows, first, columns }, [output]) => {
    if (!output) return;
    new Float32Array(output.buffer, output.byteOffset, output.byteLength / 4).set(rows, first * columns);
  },
};
