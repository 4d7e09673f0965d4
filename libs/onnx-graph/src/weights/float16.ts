import { type Encoding, type RowChunk, UnencodableError } from './encoding.ts';

/** Half the bytes of float32; rounded to nearest, ties to even (IEEE 754 binary16), 3 decimal digits or so. */
export const float16: Encoding = {
  outputs: (shape) => [{ suffix: '.float16', type: 'float16', shape }],
  encode: (chunk, [output]) => {
    if (!output) return;
    const halves = new Uint16Array(output.buffer, output.byteOffset, output.byteLength / 2);
    encodeHalves(chunk, halves.subarray(chunk.first * chunk.columns));
  },
};

/** float32 bits of 2^16; what is smaller still fits, or rounds to infinity and is found then. */
const TOO_LARGE = 0x47800000;
/** float32 bits of 2^-14: smaller values are subnormal in float16. */
const SMALLEST_NORMAL = 0x38800000;
/** Difference of the exponents' biases, 127 - 15, in the place of float32's exponent. */
const BIAS = 0x38000000;
const INFINITY = 0x7c00;

function encodeHalves(chunk: RowChunk, into: Uint16Array): void {
  const { rows } = chunk;
  const bits = new Uint32Array(rows.buffer, rows.byteOffset, rows.length);
  const float = new Float32Array(1);
  const floatBits = new Uint32Array(float.buffer);
  for (let i = 0; i < bits.length; i++) {
    const magnitude = (bits[i] ?? 0) & 0x7fffffff;
    let half = INFINITY;
    if (magnitude < SMALLEST_NORMAL) {
      // 0.5 has the exponent at which float32's last bit is float16's smallest subnormal: adding it rounds.
      float[0] = Math.abs(rows[i] ?? 0) + 0.5;
      half = (floatBits[0] ?? 0) - 0x3f000000;
    } else if (magnitude < TOO_LARGE) {
      half = (magnitude - BIAS + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
    }
    if (half >= INFINITY) throw tooLarge(chunk, i);
    into[i] = (((bits[i] ?? 0) >>> 16) & 0x8000) | half;
  }
}

function tooLarge({ rows, first, columns }: RowChunk, index: number): UnencodableError {
  const row = first + Math.floor(index / columns);
  return new UnencodableError(
    row,
    `holds ${String(rows[index])} in row ${row}, which float16 cannot; choose other weights than float16.`,
  );
}
