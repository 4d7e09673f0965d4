/**
 * WebAssembly instructions as bytes. Every function here that yields a value takes the code of its operands and
 * appends its own opcode, so that nested calls read as a formula and come out in the stack machine's order.
 *
 * Source: WebAssembly Core Specification 2.0, "Binary Format" and "Index of Instructions".
 */
export type Code = readonly number[];

/** Types of values, as the binary format numbers them. */
export const VALUE_TYPES = { i32: 0x7f, f64: 0x7c, v128: 0x7b } as const;

/** A type of a parameter, a local or a result. */
export type ValueType = keyof typeof VALUE_TYPES;

/** A parameter or a local of a function. */
export class Local {
  readonly type: ValueType;
  /** Its value. */
  readonly get: Code;
  readonly #index: number;

  constructor(index: number, type: ValueType) {
    this.#index = index;
    this.type = type;
    this.get = [0x20, ...unsigned(index)];
  }

  /** Stores a value. */
  set(value: Code): Code {
    return [...value, 0x21, ...unsigned(this.#index)];
  }

  /** Stores a value and is that value. */
  tee(value: Code): Code {
    return [...value, 0x22, ...unsigned(this.#index)];
  }
}

/** Runs `body`, and again as long as `condition`, an i32, is not 0 after it. */
export function repeatWhile(condition: Code, body: readonly Code[]): Code {
  const EMPTY_TYPE = 0x40;
  const INNERMOST = 0;
  return [0x03, EMPTY_TYPE, ...body.flat(), ...condition, 0x0d, INNERMOST, 0x0b];
}

/** 32-bit integers, which addresses are. */
export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  add: binary([0x6a]),
  lessThan: binary([0x49]),
  shiftLeft: (value: Code, bits: number): Code => [...value, ...i32.const(bits), 0x74],
  load: (address: Code): Code => [...address, 0x28, ...memory({ alignment: 2 })],
  /** An unsigned 8-bit integer from memory. */
  loadByte: (address: Code, offset: number): Code => [...address, 0x2d, ...memory({ alignment: 0, offset })],
};

/** Single float32 numbers. */
export const f32 = {
  max: binary([0x97]),
  load: (address: Code, offset: number): Code => [...address, 0x2a, ...memory({ alignment: 2, offset })],
  store: (address: Code, value: Code): Code => [...address, ...value, 0x38, ...memory({ alignment: 2 })],
};

/** Single float64 numbers. */
export const f64 = {
  add: binary([0xa0]),
  max: binary([0xa5]),
  store: (address: Code, value: Code): Code => [...address, ...value, 0x39, ...memory({ alignment: 3 })],
};

/** 128 bits, whatever they mean. */
export const v128 = {
  load: (address: Code, offset: number): Code => [
    ...address,
    ...simd(0x00),
    ...memory({ alignment: 2, offset }),
  ],
  /** 64 bits from memory, then 64 bits of zero. */
  loadHalf: (address: Code, offset: number): Code => [
    ...address,
    ...simd(0x5d),
    ...memory({ alignment: 2, offset }),
  ],
  /** 32 bits from memory, four times. */
  loadSplat32: (address: Code, offset: number): Code => [
    ...address,
    ...simd(0x09),
    ...memory({ alignment: 2, offset }),
  ],
  store: (address: Code, value: Code, offset: number): Code => [
    ...address,
    ...value,
    ...simd(0x0b),
    ...memory({ alignment: 3, offset }),
  ],
  /** Stores one of 16 lanes of 8 bits. */
  storeLane8: storeLane(simd(0x58)),
  /** Stores one of 8 lanes of 16 bits. */
  storeLane16: storeLane(simd(0x59)),
  zero: [...simd(0x0c), ...new Uint8Array(16)],
  and: binary(simd(0x4e)),
  or: binary(simd(0x50)),
  /** An i32: 1 where a bit is set. */
  anyTrue: unary(simd(0x53)),
};

/** Sixteen 8-bit integers. */
export const i8x16 = {
  const: (bytes: readonly number[]): Code => [...simd(0x0c), ...bytes],
  /** The lanes that `lanes` name: 0 to 15 of the left, 16 to 31 of the right. */
  shuffle: (left: Code, right: Code, lanes: readonly number[]): Code => [
    ...left,
    ...right,
    ...simd(0x0d),
    ...lanes,
  ],
  /** The lanes of the left that the right's lanes name; 0 for a name beyond 15. */
  swizzle: binary(simd(0x0e)),
  /** Two times eight signed 16-bit integers, each the nearest of 0 to 255. */
  narrowUnsigned: binary(simd(0x66)),
};

/** Eight 16-bit integers. */
export const i16x8 = {
  /** Two times four signed 32-bit integers, each the nearest that 16 bits hold. */
  narrow: binary(simd(0x85)),
  /** The first eight of sixteen unsigned 8-bit integers. */
  extendLowUnsigned: unary(simd(0x89)),
  /** The last eight of sixteen unsigned 8-bit integers. */
  extendHighUnsigned: unary(simd(0x8a)),
};

/** Four 32-bit integers. */
export const i32x4 = {
  splat: unary(simd(0x11)),
  add: binary(simd(0xae)),
  /** Products of eight signed 16-bit integers, summed in pairs. */
  dot: binary(simd(0xba)),
  shiftLeft: (value: Code, bits: number): Code => [...value, ...i32.const(bits), ...simd(0xab)],
  /** Keeps the sign. */
  shiftRight: (value: Code, bits: number): Code => [...value, ...i32.const(bits), ...simd(0xac)],
};

/** Four float32 numbers. */
export const f32x4 = {
  sub: binary(simd(0xe5)),
  /** Lane by lane `left < right ? right : left`. */
  max: binary(simd(0xeb)),
  lane: (value: Code, lane: number): Code => [...value, ...simd(0x1f), lane],
};

/** Two float64 numbers. */
export const f64x2 = {
  splat: unary(simd(0x14)),
  const: (value: number): Code => f64x2.splat([0x44, ...new Uint8Array(Float64Array.of(value).buffer)]),
  /** The first two of four float32 numbers. */
  promote: unary(simd(0x5f)),
  add: binary(simd(0xf0)),
  sub: binary(simd(0xf1)),
  mul: binary(simd(0xf2)),
  div: binary(simd(0xf3)),
  /** Lane by lane `left < right ? right : left`. */
  max: binary(simd(0xf7)),
  /** All bits of a lane where it is at least the other's. */
  atLeast: binary(simd(0x4c)),
  lane: (value: Code, lane: number): Code => [...value, ...simd(0x21), lane],
};

/** Two 64-bit integers. */
export const i64x2 = {
  add: binary(simd(0xce)),
  shiftLeft: (value: Code, bits: number): Code => [...value, ...i32.const(bits), ...simd(0xcb)],
};

function unary(opcode: Code): (operand: Code) => Code {
  return (operand) => [...operand, ...opcode];
}

function binary(opcode: Code): (left: Code, right: Code) => Code {
  return (left, right) => [...left, ...right, ...opcode];
}

function storeLane(opcode: Code) {
  return (
    address: Code,
    value: Code,
    { lane, offset }: { readonly lane: number; readonly offset: number },
  ): Code => [...address, ...value, ...opcode, ...memory({ alignment: 0, offset }), lane];
}

function simd(opcode: number): Code {
  return [0xfd, ...unsigned(opcode)];
}

/** The immediate of a load or store; `alignment` is an exponent of 2, a hint. */
function memory({ alignment, offset = 0 }: { readonly alignment: number; readonly offset?: number }): Code {
  return [alignment, ...unsigned(offset)];
}

/** An unsigned LEB128 integer. */
export function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** A signed LEB128 integer. */
function signed(value: number): Code {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
