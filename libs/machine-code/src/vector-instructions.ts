import {
  evexInstruction,
  type Instruction,
  type Masking,
  type Opcode,
  plainInstruction,
  vexInstruction,
} from './encoding.ts';
import type { General, Mask, Memory, Vector } from './operands.ts';

/** destination = first (operation) second. */
type Binary = (destination: Vector, first: Vector, second: Vector | Memory, masking?: Masking) => Instruction;

/** destination = (operation) source; lanes are counted in the wider of the two. */
type Unary = (destination: Vector, source: Vector | Memory, masking?: Masking) => Instruction;

const NONE = 0;
const P66 = 1;
const PF3 = 2;
const PF2 = 3;

const OF = 1;
const OF38 = 2;
const OF3A = 3;

export const vaddps = binary({ prefix: NONE, map: OF, opcode: 0x58 });
export const vsubps = binary({ prefix: NONE, map: OF, opcode: 0x5c });
export const vmulps = binary({ prefix: NONE, map: OF, opcode: 0x59 });
export const vdivps = binary({ prefix: NONE, map: OF, opcode: 0x5e });
export const vmaxps = binary({ prefix: NONE, map: OF, opcode: 0x5f });
export const vminps = binary({ prefix: NONE, map: OF, opcode: 0x5d });
/** destination += first × second */
export const vfmadd231ps = binary({ prefix: P66, map: OF38, opcode: 0xb8 });
/** destination = first × destination + second */
export const vfmadd213ps = binary({ prefix: P66, map: OF38, opcode: 0xa8 });
/** destination -= first × second */
export const vfnmadd231ps = binary({ prefix: P66, map: OF38, opcode: 0xbc });
/** first × 2^second */
export const vscalefps = binary({ prefix: P66, map: OF38, opcode: 0x2c });
export const vpaddd = binary({ prefix: P66, map: OF, opcode: 0xfe });
export const vpsubd = binary({ prefix: P66, map: OF, opcode: 0xfa });
export const vpandd = binary({ prefix: P66, map: OF, opcode: 0xdb });
export const vpxord = binary({ prefix: P66, map: OF, opcode: 0xef });
/** Two vectors of float32 as one of bfloat16: `second` in the low half. Needs AVX512_BF16. */
export const vcvtne2ps2bf16 = binary({ prefix: PF2, map: OF38, opcode: 0x72 });
export const vunpcklps = binary({ prefix: NONE, map: OF, opcode: 0x14 });
export const vunpckhps = binary({ prefix: NONE, map: OF, opcode: 0x15 });
export const vunpcklpd = binary({ prefix: P66, map: OF, opcode: 0x14, wide: true });
export const vunpckhpd = binary({ prefix: P66, map: OF, opcode: 0x15, wide: true });
/** 16-bit numbers of `second` in the order that those of `first` tell. */
export const vpermw = binary({ prefix: P66, map: OF38, opcode: 0x8d, wide: true });

export const vcvtps2dq = unary({ prefix: P66, map: OF, opcode: 0x5b });
/** One 32-bit element, in all lanes. */
export const vbroadcastss = unary({ prefix: P66, map: OF38, opcode: 0x18 });

const MOVE_FLOATS = { load: 0x10, store: 0x11, prefix: NONE, map: OF } as const;
const MOVE_ONE = { load: 0x10, store: 0x11, prefix: PF3, map: OF } as const;

/** Whole vectors of 32-bit numbers, from or to any address. */
export const vmovups = move(MOVE_FLOATS);
/** One float32, from or to memory. */
export const vmovss = move(MOVE_ONE);

/** A float32 vector as bfloat16, in a vector of half the width, rounded to the nearest. Needs AVX512_BF16. */
export function vcvtneps2bf16(destination: Vector, source: Vector, masking?: Masking): Instruction {
  const opcode = { prefix: PF3, map: OF38, opcode: 0x72 } as const;
  return evexInstruction(opcode, {
    register: destination.number,
    operand: source,
    bits: source.bits,
    masking,
  });
}

/** The low bytes of 32-bit numbers: a quarter of the width. */
export const vpmovdb = narrow(0x31);

/** The low half of a general register, in all lanes. */
export function vpbroadcastd(destination: Vector, source: General, masking?: Masking): Instruction {
  const opcode = { prefix: P66, map: OF38, opcode: 0x7c } as const;
  return evexInstruction(opcode, {
    register: destination.number,
    operand: source,
    bits: destination.bits,
    masking,
  });
}

/** To the nearest integer. */
export function vrndscaleps(destination: Vector, source: Vector): Instruction {
  return withImmediate({ prefix: P66, map: OF3A, opcode: 0x08 }, destination, 0, source, 0);
}

/** What a number is above the integer below it: at least 0 and less than 1. Of an infinity, 0. */
export function vreduceps(destination: Vector, source: Vector): Instruction {
  const DOWNWARDS = 1;
  return withImmediate({ prefix: P66, map: OF3A, opcode: 0x56 }, destination, 0, source, DOWNWARDS);
}

/** Within each four lanes: the four two-bit numbers of `order` tell which one, the first in the lowest bits. */
export function vpermilps(destination: Vector, source: Vector | Memory, order: number): Instruction {
  return withImmediate({ prefix: P66, map: OF3A, opcode: 0x04 }, destination, 0, source, order);
}

/** Four blocks of 128 bits: the lower two are chosen from `first` by the low bits of `order`, the others from `second`. */
export function vshuff32x4(
  destination: Vector,
  first: Vector,
  second: Vector | Memory,
  order: number,
): Instruction {
  return withImmediate({ prefix: P66, map: OF3A, opcode: 0x23 }, destination, first.number, second, order);
}

/** How signed integers are compared. */
const COMPARISONS = { equal: 0, less: 1, atMost: 2, notEqual: 4, atLeast: 5, greater: 6 } as const;

/** The lanes where signed 32-bit numbers compare so. */
export function vpcmpd(
  destination: Mask,
  first: Vector,
  comparison: keyof typeof COMPARISONS,
  second: Vector | Memory,
): Instruction {
  return evexInstruction(
    { prefix: P66, map: OF3A, opcode: 0x1f },
    {
      register: destination.number,
      source: first.number,
      operand: second,
      bits: first.bits,
      immediate: [COMPARISONS[comparison]],
    },
  );
}

/** The low 16 bits of a general register as a mask. */
export function kmovw(destination: Mask, source: General): Instruction {
  return vexInstruction(
    { prefix: NONE, map: OF, opcode: 0x92 },
    { register: destination.number, operand: source },
  );
}

/** Compares the union of two masks of 16 bits with none: `jumpIf('e', ..)` jumps where no bit is set. */
export function kortestw(first: Mask, second: Mask): Instruction {
  return vexInstruction({ prefix: NONE, map: OF, opcode: 0x98 }, { register: first.number, operand: second });
}

/** Ends the use of wide vectors, before code that knows nothing of them. */
export function vzeroupper(): Instruction {
  return plainInstruction(0xc5, 0xf8, 0x77);
}

function binary(opcode: Opcode): Binary {
  return (destination, first, second, masking) =>
    evexInstruction(opcode, {
      register: destination.number,
      source: first.number,
      operand: second,
      bits: destination.bits,
      masking,
    });
}

function unary(opcode: Opcode): Unary {
  return (destination, source, masking) =>
    evexInstruction(opcode, {
      register: destination.number,
      operand: source,
      bits: destination.bits,
      masking,
    });
}

function move({
  load,
  store,
  ...opcode
}: Omit<Opcode, 'opcode'> & { readonly load: number; readonly store: number }) {
  return (destination: Vector | Memory, source: Vector | Memory, masking?: Masking): Instruction => {
    if (destination.kind === 'vector')
      return evexInstruction(
        { ...opcode, opcode: load },
        { register: destination.number, operand: source, bits: destination.bits, masking },
      );
    if (source.kind === 'memory') throw new TypeError('One side of a move is a register.');
    return evexInstruction(
      { ...opcode, opcode: store },
      { register: source.number, operand: destination, bits: source.bits, masking },
    );
  };
}

function narrow(opcode: number) {
  return (destination: Vector | Memory, source: Vector, masking?: Masking): Instruction =>
    evexInstruction(
      { prefix: PF3, map: OF38, opcode },
      { register: source.number, operand: destination, bits: source.bits, masking },
    );
}

function withImmediate(
  opcode: Opcode,
  destination: Vector,
  source: number,
  operand: Vector | Memory,
  immediate: number,
): Instruction {
  return evexInstruction(opcode, {
    register: destination.number,
    source,
    operand,
    bits: destination.bits,
    immediate: [immediate],
  });
}
