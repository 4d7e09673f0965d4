import { DataType } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';
import type { CheckedEmbedding } from './check-embedding.ts';

/**
 * Copies an embedding's values as float32 into `target`, which has exactly as many.
 *
 * @param path where the tensor's data stand in the request, for error messages
 * @throws DiptychError `embedding_invalid` for a value that is not finite
 */
export function copyValues(
  { type, data }: Pick<CheckedEmbedding, 'type' | 'data'>,
  target: Float32Array,
  path: string,
): void {
  // A copy, as the bytes lie anywhere in the message and typed arrays want them aligned.
  const aligned = new Uint8Array(data).buffer;
  const bad =
    type === DataType.FLOAT16
      ? widen(new Uint16Array(aligned), target)
      : copyFinite(new Float32Array(aligned), target);
  if (bad < 0) return;
  throw new DiptychError('embedding_invalid', `${path} holds a value that is not finite, at index ${bad}.`, {
    param: path,
  });
}

const EXPONENT_16 = 0x7c00;

/** Every binary16 as float32: a look-up is several times faster than the arithmetic. 256 KiB, made once. */
const WIDENED = Float32Array.from({ length: 2 ** 16 }, (_, bits) => float16Value(bits));

/** Index of the first value that is not finite, else -1. */
function widen(halves: Uint16Array, target: Float32Array): number {
  for (let index = 0; index < halves.length; index += 1) {
    const bits = halves[index] ?? 0;
    if ((bits & EXPONENT_16) === EXPONENT_16) return index;
    target[index] = WIDENED[bits] ?? 0;
  }
  return -1;
}

/** Index of the first value that is not finite, else -1. A call for each value would take several times as long. */
function copyFinite(values: Float32Array, target: Float32Array): number {
  target.set(values);
  let residue = 0;
  // x - x is 0 for finite numbers alone.
  for (let index = 0; index < values.length; index += 1)
    residue += (values[index] ?? 0) - (values[index] ?? 0);
  return residue === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}

/** IEEE 754 binary16: sign, 5 bits of exponent (bias 15), 10 of fraction. */
function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
