/** A 64-bit general register. */
export interface General {
  readonly kind: 'general';
  readonly number: number;
}

/** A vector register, as wide as an instruction is meant to work on it. */
export interface Vector {
  readonly kind: 'vector';
  readonly number: number;
  readonly bits: 128 | 256 | 512;
}

/** A mask register: one bit for each lane. As a write mask, `k(0)` cannot be used: its number means "all lanes". */
export interface Mask {
  readonly kind: 'mask';
  readonly number: number;
}

/** A tile register of AMX. */
export interface Tile {
  readonly kind: 'tile';
  readonly number: number;
}

/** Bytes in memory. */
export interface Memory {
  readonly kind: 'memory';
  readonly base: General | Constant;
  readonly displacement: number;
  readonly index?: General | undefined;
  /** What the index is multiplied by. */
  readonly scale: Scale;
  /** Whether one 32-bit element stands for all lanes. */
  readonly broadcast: boolean;
}

/** Bytes that are placed behind the code, 64 bytes apart, and are addressed from it. */
export interface Constant {
  readonly kind: 'constant';
  readonly bytes: Uint8Array;
}

export type Scale = 1 | 2 | 4 | 8;

/** Registers by their names; System V passes arguments in rdi, rsi, rdx, rcx, r8, r9 and keeps rbx, rbp, r12 to r15. */
export const rax = general(0);
export const rcx = general(1);
export const rdx = general(2);
export const rbx = general(3);
export const rsp = general(4);
export const rbp = general(5);
export const rsi = general(6);
export const rdi = general(7);
export const r8 = general(8);
export const r9 = general(9);
export const r10 = general(10);
export const r11 = general(11);
export const r12 = general(12);
export const r13 = general(13);
export const r14 = general(14);
export const r15 = general(15);

function general(number: number): General {
  return { kind: 'general', number };
}

/** One of 32 vector registers of 512 bits. */
export function zmm(number: number): Vector {
  return { kind: 'vector', number, bits: 512 };
}

/** The low 256 bits of a vector register. */
export function ymm(number: number): Vector {
  return { kind: 'vector', number, bits: 256 };
}

/** The low 128 bits of a vector register. */
export function xmm(number: number): Vector {
  return { kind: 'vector', number, bits: 128 };
}

/** One of 8 mask registers. */
export function k(number: number): Mask {
  return { kind: 'mask', number };
}

/** One of 8 tile registers. */
export function tmm(number: number): Tile {
  return { kind: 'tile', number };
}

/** The memory at `base + displacement`, and `index × scale` bytes on. */
export function at(
  base: General,
  displacement = 0,
  { index, scale = 1 }: { readonly index?: General; readonly scale?: Scale } = {},
): Memory {
  return { kind: 'memory', base, displacement, index, scale, broadcast: false };
}

/** One 32-bit element of memory, for all lanes. */
export function broadcast(memory: Memory): Memory {
  return { ...memory, broadcast: true };
}

/** A constant of 32-bit numbers: one for all lanes (with `broadcast`), or a whole vector. */
export function floats(...values: readonly number[]): Memory {
  return constant(new Uint8Array(Float32Array.from(values).buffer));
}

/** The same of integers. */
export function integers(...values: readonly number[]): Memory {
  return constant(new Uint8Array(Int32Array.from(values).buffer));
}

/** One float32 for all lanes. */
export function everywhere(value: number): Memory {
  return broadcast(floats(value));
}

/** Bytes that the code reads. */
export function constant(bytes: Uint8Array): Memory {
  return {
    kind: 'memory',
    base: { kind: 'constant', bytes },
    displacement: 0,
    scale: 1,
    broadcast: false,
  };
}
