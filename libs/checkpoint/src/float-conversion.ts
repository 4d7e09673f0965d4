/** Element types that are read as float32. */
export type FloatDtype = 'F32' | 'F16' | 'BF16';

/** True for the element types that are read as float32. */
export function isFloatDtype(dtype: string): dtype is FloatDtype {
  return Object.hasOwn(WIDEN, dtype);
}

/**
 * A float32 array to read a tensor of `elements` elements into: the file's bytes go to `bytes`, `finish` then
 * widens them in place and gives the array. float16 and bfloat16 lie in the second half of the array first and
 * are widened from the front, which never overtakes what is still to be read. Every conversion is exact.
 */
export function floatTarget(
  dtype: FloatDtype,
  elements: number,
): { bytes: Uint8Array; finish: () => Float32Array } {
  const floats = new Float32Array(elements);
  const width = dtype === 'F32' ? 4 : 2;
  const bytes = new Uint8Array(floats.buffer, elements * (4 - width), elements * width);
  return {
    bytes,
    finish: () => {
      WIDEN[dtype](floats);
      return floats;
    },
  };
}

const WIDEN: Record<FloatDtype, (floats: Float32Array) => void> = {
  F32: () => undefined,
  BF16: (floats) => {
    const halves = secondHalf(floats);
    const words = new Uint32Array(floats.buffer);
    for (let i = 0; i < halves.length; i++) words[i] = (halves[i] ?? 0) << 16;
  },
  F16: (floats) => {
    const halves = secondHalf(floats);
    const words = new Uint32Array(floats.buffer);
    for (let i = 0; i < halves.length; i++) words[i] = HALF_TO_FLOAT[halves[i] ?? 0] ?? 0;
  },
};

function secondHalf(floats: Float32Array): Uint16Array {
  return new Uint16Array(floats.buffer, floats.byteLength / 2, floats.length);
}

/** The float32 bits of every float16, a quarter of a megabyte. */
const HALF_TO_FLOAT = Uint32Array.from({ length: 0x10000 }, (_, half) => floatBits(half));

/** float32 bits of a float16 (IEEE 754 binary16: 1 sign bit, 5 exponent bits, 10 mantissa bits). */
function floatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  return sign | (new Uint32Array(Float32Array.of(mantissa * 2 ** -24).buffer)[0] ?? 0);
}
