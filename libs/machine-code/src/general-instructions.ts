import {
  addressInstruction,
  type Instruction,
  jumpInstruction,
  Label,
  littleEndian,
  plainInstruction,
  rexInstruction,
} from './encoding.ts';
import { constant, type General, type Memory } from './operands.ts';

/** destination = source. A number is 64 bits wide; a register or memory is read and written whole. */
export function mov(destination: General | Memory, source: General | Memory | number | bigint): Instruction {
  if (typeof source === 'number' || typeof source === 'bigint') return movNumber(destination, source);
  if (source.kind === 'memory')
    return rexInstruction({
      opcode: [0x8b],
      wide: true,
      register: destinationOf(destination),
      operand: source,
    });
  return rexInstruction({ opcode: [0x89], wide: true, register: source.number, operand: destination });
}

function movNumber(destination: General | Memory, value: number | bigint): Instruction {
  if (value >= -(2 ** 31) && value < 2 ** 31)
    return rexInstruction({
      opcode: [0xc7],
      wide: true,
      register: 0,
      operand: destination,
      immediate: littleEndian(value, 4),
    });
  const number = destinationOf(destination);
  return plainInstruction(0x48 | (number >> 3), 0xb8 | (number & 7), ...littleEndian(value, 8));
}

function destinationOf(operand: General | Memory): number {
  if (operand.kind === 'general') return operand.number;
  throw new TypeError('Memory takes a register or a number of 32 bits.');
}

/** 32 bits of memory; the upper half of the register becomes zero. */
export function load32(destination: General, source: Memory): Instruction {
  return rexInstruction({ opcode: [0x8b], wide: false, register: destination.number, operand: source });
}

/** 32 bits of memory as a signed number. */
export function loadSigned32(destination: General, source: Memory): Instruction {
  return rexInstruction({ opcode: [0x63], wide: true, register: destination.number, operand: source });
}

/** The lower half of a register to memory. */
export function store32(destination: Memory, source: General): Instruction {
  return rexInstruction({ opcode: [0x89], wide: false, register: source.number, operand: destination });
}

/** The address of memory, of a constant, or of a label. */
export function lea(destination: General, source: Memory | Label): Instruction {
  if (source instanceof Label) return addressInstruction(destination, source);
  if (source.base.kind === 'constant') return addressInstruction(destination, source.base);
  return rexInstruction({ opcode: [0x8d], wide: true, register: destination.number, operand: source });
}

export const add = arithmetic(0);
export const or = arithmetic(1);
export const and = arithmetic(4);
export const sub = arithmetic(5);
export const xor = arithmetic(6);
export const cmp = arithmetic(7);

/** destination = destination (operation) source, in 64 bits; a number has 32 bits and its sign is kept. */
function arithmetic(operation: number) {
  return (destination: General, source: General | Memory | number): Instruction => {
    if (typeof source === 'number')
      return rexInstruction({
        opcode: [0x81],
        wide: true,
        register: operation,
        operand: destination,
        immediate: littleEndian(source, 4),
      });
    return rexInstruction({
      opcode: [(operation << 3) | 3],
      wide: true,
      register: destination.number,
      operand: source,
    });
  };
}

/** destination × source, or source × a number of 32 bits; 64 bits are kept. */
export function imul(destination: General, source: General | Memory, factor?: number): Instruction {
  const register = destination.number;
  if (factor === undefined)
    return rexInstruction({ opcode: [0x0f, 0xaf], wide: true, register, operand: source });
  return rexInstruction({
    opcode: [0x69],
    wide: true,
    register,
    operand: source,
    immediate: littleEndian(factor, 4),
  });
}

/** rax = rdx:rax / divisor and rdx = the rest, without signs. */
export function div(divisor: General): Instruction {
  return rexInstruction({ opcode: [0xf7], wide: true, register: 6, operand: divisor });
}

export const shl = shift(4);
export const shr = shift(5);

function shift(operation: number) {
  return (destination: General, bits: number): Instruction =>
    rexInstruction({
      opcode: [0xc1],
      wide: true,
      register: operation,
      operand: destination,
      immediate: [bits],
    });
}

export function push(source: General): Instruction {
  return plainInstruction(...(source.number > 7 ? [0x41] : []), 0x50 | (source.number & 7));
}

export function pop(destination: General): Instruction {
  return plainInstruction(...(destination.number > 7 ? [0x41] : []), 0x58 | (destination.number & 7));
}

/** Calls a label, or the function whose address is in a register or in memory. */
export function call(target: Label | General | Memory): Instruction {
  if (target instanceof Label) return jumpInstruction([0xe8], target);
  return rexInstruction({ opcode: [0xff], wide: false, register: 2, operand: target });
}

/** Calls the function at an address that is known when the code is written. */
export function callAddress(address: bigint): Instruction {
  return call(constant(new Uint8Array(littleEndian(address, 8))));
}

export function ret(): Instruction {
  return plainInstruction(0xc3);
}

export function jmp(to: Label): Instruction {
  return jumpInstruction([0xe9], to);
}

/** Condition codes after `cmp`: `b` to `a` without signs, `l` to `g` with them. */
const CONDITIONS = { b: 2, ae: 3, e: 4, ne: 5, be: 6, a: 7, l: 12, ge: 13, le: 14, g: 15 } as const;

/** What `cmp destination, source` has found: below, equal, less and so on. */
export type Condition = keyof typeof CONDITIONS;

/** Jumps where a condition holds. */
export function jumpIf(condition: Condition, to: Label): Instruction {
  return jumpInstruction([0x0f, 0x80 | CONDITIONS[condition]], to);
}

/** destination = source where a condition holds. */
export function moveIf(condition: Condition, destination: General, source: General | Memory): Instruction {
  return rexInstruction({
    opcode: [0x0f, 0x40 | CONDITIONS[condition]],
    wide: true,
    register: destination.number,
    operand: source,
  });
}

/** Asks for a line of memory to be brought into the first-level cache. */
export function prefetcht0(memory: Memory): Instruction {
  return rexInstruction({ opcode: [0x0f, 0x18], wide: false, register: 1, operand: memory });
}
