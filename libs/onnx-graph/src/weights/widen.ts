import type { FloatDtype } from './weight-source.ts';

/** Bytes of one element. */
export const DTYPE_BYTES: Record<FloatDtype, number> = { F32: 4, F16: 2, BF16: 2 };

/**
 * Widens elements to float32; every conversion is exact.
 *
 * @param bytes Little-endian elements, on a multiple of 4 bytes.
 * @param into As many places as there are elements.
 */
export function widen(dtype: FloatDtype, bytes: Uint8Array, into: Float32Array): void {
  if (dtype === 'F32') {
    into.set(new Float32Array(bytes.buffer, bytes.byteOffset, into.length));
    return;
  }
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, into.length);
  const words = new Uint32Array(into.buffer, into.byteOffset, into.length);
  if (dtype === 'BF16') for (let i = 0; i < halves.length; i++) words[i] = (halves[i] ?? 0) << 16;
  else for (let i = 0; i < halves.length; i++) words[i] = HALF_TO_FLOAT[halves[i] ?? 0] ?? 0;
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
