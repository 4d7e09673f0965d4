import type { Constant, General, Mask, Memory, Tile, Vector } from './operands.ts';

/**
 * How x86-64 instructions become bytes. Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2,
 * chapter 2: REX (2.2.1), VEX (2.3), EVEX (2.7), ModRM and SIB (2.1.5).
 */

/** A place in code that is jumped to or called. */
export class Label {
  readonly kind = 'label';
}

/** One instruction. */
export interface Instruction {
  readonly kind: 'instruction';
  readonly bytes: readonly number[];
  /** A distance from the end of the instruction, to be filled into the 32 bits at `at`. */
  readonly reference?: { readonly to: Label | Constant; readonly at: number } | undefined;
}

/** Instructions and labels in order, nested as they were written. */
export type Code = Label | Instruction | readonly Code[];

/** What ModRM's second operand may be. */
export type Operand = General | Vector | Mask | Tile | Memory;

/** Prefix of an opcode: none, 66, F3 or F2, as VEX and EVEX number them. */
export type Prefix = 0 | 1 | 2 | 3;

/** Table of an opcode: 0F, 0F 38 or 0F 3A, as VEX and EVEX number them. */
export type OpcodeMap = 1 | 2 | 3;

/** Which instruction an opcode is, for those with a VEX or EVEX prefix. */
export interface Opcode {
  readonly prefix: Prefix;
  readonly map: OpcodeMap;
  readonly opcode: number;
  readonly wide?: boolean;
}

/** An instruction in REX's form: opcode, a register or an extension of the opcode, and an operand. */
export function rexInstruction(form: {
  readonly opcode: readonly number[];
  /** Works on 64 bits. */
  readonly wide: boolean;
  readonly register: number;
  readonly operand: Operand;
  readonly immediate?: readonly number[];
}): Instruction {
  const { opcode, wide, register, operand, immediate = [] } = form;
  const { base, index } = highBits(operand);
  const rex = 0x40 | (wide ? 8 : 0) | (((register >> 3) & 1) << 2) | (index << 1) | base;
  return instruction([...(rex === 0x40 ? [] : [rex]), ...opcode], register, operand, immediate);
}

/** An instruction in VEX's three-byte form. */
export function vexInstruction(
  { prefix, map, opcode, wide = false }: Opcode,
  form: {
    readonly register: number;
    /** The second source, 0 where there is none. */
    readonly source?: number;
    readonly operand: Operand;
  },
): Instruction {
  const { register, source = 0, operand } = form;
  const { base, index } = highBits(operand);
  const second = (not(register >> 3) << 7) | (not(index) << 6) | (not(base) << 5) | map;
  const third = (wide ? 0x80 : 0) | ((~source & 15) << 3) | prefix;
  return instruction([0xc4, second, third, opcode], register, operand, []);
}

/** What EVEX adds to an instruction. */
export interface Masking {
  /** Only its lanes are written. */
  readonly mask?: Mask;
  /** The other lanes become zero, rather than stay as they are. */
  readonly zeroing?: boolean;
}

/** An instruction in EVEX's form. Displacements are always written in 32 bits, so none is ever compressed. */
export function evexInstruction(
  { prefix, map, opcode, wide = false }: Opcode,
  form: {
    readonly register: number;
    readonly source?: number;
    readonly operand: Operand;
    readonly bits: 128 | 256 | 512;
    readonly masking?: Masking | undefined;
    readonly immediate?: readonly number[];
  },
): Instruction {
  const { register, source = 0, operand, bits, masking = {}, immediate = [] } = form;
  const { base, index } = highBits(operand);
  const first =
    (not(register >> 3) << 7) | (not(index) << 6) | (not(base) << 5) | (not(register >> 4) << 4) | map;
  const second = (wide ? 0x80 : 0) | ((~source & 15) << 3) | 4 | prefix;
  const third =
    (masking.zeroing === true ? 0x80 : 0) |
    (VECTOR_LENGTH[bits] << 5) |
    (operand.kind === 'memory' && operand.broadcast ? 0x10 : 0) |
    (not(source >> 4) << 3) |
    (masking.mask?.number ?? 0);
  return instruction([0x62, first, second, third, opcode], register, operand, immediate);
}

/** A jump or a call, which names its target by the distance. */
export function jumpInstruction(opcode: readonly number[], to: Label): Instruction {
  return {
    kind: 'instruction',
    bytes: [...opcode, 0, 0, 0, 0],
    reference: { to, at: opcode.length },
  };
}

/** An instruction that is nothing but its bytes. */
export function plainInstruction(...bytes: readonly number[]): Instruction {
  return { kind: 'instruction', bytes };
}

/** The address of a label or a constant, in the form of `lea`. */
export function addressInstruction(destination: General, to: Label | Constant): Instruction {
  const rex = 0x48 | ((destination.number >> 3) << 2);
  return {
    kind: 'instruction',
    bytes: [rex, 0x8d, ((destination.number & 7) << 3) | FROM_HERE, 0, 0, 0, 0],
    reference: { to, at: 3 },
  };
}

/** A number's bytes, the lowest first. */
export function littleEndian(value: number | bigint, bytes: number): readonly number[] {
  const whole = BigInt(value);
  return Array.from({ length: bytes }, (_, place) => Number((whole >> BigInt(8 * place)) & 0xffn));
}

const VECTOR_LENGTH = { 128: 0, 256: 1, 512: 2 } as const;

/** The bits of an operand's registers that ModRM and SIB have no room for. */
function highBits(operand: Operand) {
  if (operand.kind !== 'memory') {
    const { number } = operand;
    return { base: (number >> 3) & 1, index: (number >> 4) & 1 };
  }
  const base = operand.base.kind === 'general' ? operand.base.number >> 3 : 0;
  const index = operand.index?.number ?? 0;
  return { base, index: (index >> 3) & 1 };
}

function instruction(
  opcode: readonly number[],
  register: number,
  operand: Operand,
  immediate: readonly number[],
): Instruction {
  const field = (register & 7) << 3;
  if (operand.kind !== 'memory')
    return { kind: 'instruction', bytes: [...opcode, 0xc0 | field | (operand.number & 7), ...immediate] };
  if (operand.base.kind === 'general') {
    const bytes = [...opcode, ...addressBytes(field, operand.base, operand), ...immediate];
    return { kind: 'instruction', bytes };
  }
  const start = [...opcode, field | FROM_HERE];
  return {
    kind: 'instruction',
    bytes: [...start, 0, 0, 0, 0, ...immediate],
    reference: { to: operand.base, at: start.length },
  };
}

/** In ModRM without a displacement: relative to the end of the instruction. As a base in SIB: no base. */
const FROM_HERE = 5;

/** In ModRM: a SIB byte follows. In SIB: no index. */
const WITH_SIB = 4;

function addressBytes(
  field: number,
  base: General,
  { index, scale, displacement }: Memory,
): readonly number[] {
  const low = base.number & 7;
  const isBare = displacement === 0 && low !== FROM_HERE;
  const mode = isBare ? 0 : 0x80;
  const offset = isBare ? [] : littleEndian(displacement, 4);
  if (index === undefined && low !== WITH_SIB) return [mode | field | low, ...offset];
  const sib = (Math.log2(scale) << 6) | (((index?.number ?? WITH_SIB) & 7) << 3) | low;
  return [mode | field | WITH_SIB, sib, ...offset];
}

function not(bit: number): number {
  return (bit & 1) ^ 1;
}
