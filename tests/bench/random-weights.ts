import { elementsOf, type TensorShape } from './tensor-list.ts';

/** Bytes of one bfloat16. */
export const BFLOAT16_BYTES = 2;

/**
 * Most values that are drawn. A prime, and not far below a power of two: the rows of a matrix that is larger than the pool
 * begin at other places of it each time round, so that none repeats another.
 */
const POOL_VALUES = 2 ** 22 - 3;

/** bfloat16 of 1: the upper half of the float32. */
const ONE = 0x3f80;

/** How random weights are drawn. */
export interface RandomWeightsOptions {
  readonly seed: number;
  readonly standardDeviation: number;
  /** The most values that are needed: a small model needs no large pool. */
  readonly values: number;
}

/**
 * Random weights in bfloat16 for any number of tensors, in the memory of one pool. A normal distribution is drawn
 * once; each tensor is the pool read round and round from a place that its name decides. Tensors are thus not
 * independent of each other. To a runtime they look as random as they should: no two rows are equal, and blocks have
 * the spread that a quantiser meets in a model that was initialised so.
 */
export class RandomWeights {
  readonly #pool: Uint16Array;
  readonly #seed: number;

  constructor({ seed, standardDeviation, values }: RandomWeightsOptions) {
    this.#seed = seed;
    this.#pool = drawNormal(Math.min(values, POOL_VALUES), seed, standardDeviation);
  }

  /** A tensor's bytes, row-major and little-endian, in pieces that are views of the pool. */
  *bytes(tensor: TensorShape): Generator<Uint8Array> {
    let left = elementsOf(tensor);
    if (tensor.fill === 'ones') {
      yield bytesOf(new Uint16Array(left).fill(ONE));
      return;
    }
    let at = (hash(tensor.name) ^ this.#seed) >>> 0;
    while (left > 0) {
      at %= this.#pool.length;
      const piece = this.#pool.subarray(at, at + left);
      yield bytesOf(piece);
      left -= piece.length;
      at += piece.length;
    }
  }
}

function bytesOf(values: Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Box and Muller's method: two uniform values make two independent normal ones. */
function drawNormal(length: number, seed: number, standardDeviation: number): Uint16Array {
  const uniform = mulberry32(seed);
  const values = new Uint16Array(length);
  for (let index = 0; index < length; index += 2) {
    const radius = standardDeviation * Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    values[index] = bfloat16Bits(radius * Math.cos(angle));
    if (index + 1 < length) values[index + 1] = bfloat16Bits(radius * Math.sin(angle));
  }
  return values;
}

/** The value in float32, rounded to bfloat16: to the nearest, and to even between two. */
function bfloat16Bits(value: number): number {
  FLOAT[0] = value;
  const word = WORD[0] ?? 0;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

const FLOAT = new Float32Array(1);
const WORD = new Uint32Array(FLOAT.buffer);

/** Mulberry32, a small generator of uniform values in [0, 1) whose sequence is the same everywhere. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** FNV-1a of a name's UTF-16 units, in 32 bits. */
function hash(name: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    value = Math.imul(value ^ name.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
