/// <reference lib="es2025.float16" />
import { DataType } from '@diptych/contract';
import { DiptychError } from '@diptych/errors';

/** Element types in which features are sent. */
export type FeatureType = DataType.FLOAT16 | DataType.FLOAT32;

/**
 * Features as the bytes of a tensor, little-endian as every machine this runs on. Throws `runtime_failed` where a
 * value does not fit the type.
 */
export function featureBytes(features: Float32Array<ArrayBuffer>, type: FeatureType): Uint8Array {
  const data = type === DataType.FLOAT32 ? features : toFloat16(features);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

const EXPONENT_16 = 0x7c00;

/** IEEE 754 binary16 of each value, as bits, rounded to nearest, ties to even. */
function toFloat16(values: Float32Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(new Float16Array(values).buffer);
  let carry = 0;
  // One more in the exponent carries into the sign's bit where all its bits are set: infinite, or no number.
  for (let index = 0; index < halves.length; index += 1)
    carry |= ((halves[index] ?? 0) & EXPONENT_16) + LOWEST_EXPONENT_BIT;
  if ((carry & SIGN) !== 0) throw outOfRange();
  return halves;
}

const LOWEST_EXPONENT_BIT = 0x0400;
const SIGN = 0x8000;

function outOfRange(): DiptychError {
  return new DiptychError(
    'runtime_failed',
    "A feature is not a number that float16 can hold; ask for float32 with options.feature_type, and check the model's weights.",
  );
}
