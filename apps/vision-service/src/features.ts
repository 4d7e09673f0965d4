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

const SIGN = 0x8000;
const INFINITY_16 = 0x7c00;
/** Bits of 65520, from where rounding leaves the range of binary16. */
const TOO_LARGE = 0x477ff000;
/** Bits of 2^-14, the smallest normal binary16. */
const SMALLEST_NORMAL = 0x38800000;
const HALF = 0.5;
const HALF_BITS = 0x3f000000;
/** Moves the exponent from binary32's bias (127) to binary16's (15) and adds all but the last of half a unit. */
const REBIAS_AND_ROUND = (((15 - 127) << 23) >>> 0) + 0xfff;

/** IEEE 754 binary16 of each value, as bits, rounded to nearest, ties to even. */
function toFloat16(values: Float32Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const half = float16Bits(bits[index] ?? 0);
    if ((half & INFINITY_16) === INFINITY_16) throw outOfRange();
    halves[index] = half;
  }
  return halves;
}

const scratch = new DataView(new ArrayBuffer(4));

function float16Bits(bits: number): number {
  const sign = (bits >>> 16) & SIGN;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= TOO_LARGE) return sign | INFINITY_16;
  if (magnitude < SMALLEST_NORMAL) {
    // Adding a half makes binary32 round the value to a multiple of 2^-24, binary16's smallest step.
    scratch.setUint32(0, magnitude);
    scratch.setFloat32(0, scratch.getFloat32(0) + HALF);
    return sign | (scratch.getUint32(0) - HALF_BITS);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | (((magnitude + REBIAS_AND_ROUND + odd) >>> 13) & 0x7fff);
}

function outOfRange(): DiptychError {
  return new DiptychError(
    'runtime_failed',
    "A feature is not a number that float16 can hold; ask for float32 with options.feature_type, and check the model's weights.",
  );
}
