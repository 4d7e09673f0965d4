import {
  add,
  at,
  type Code,
  cmp,
  constant,
  type General,
  jumpIf,
  k,
  kmovw,
  Label,
  lea,
  type Memory,
  mov,
  moveIf,
  r15,
  rax,
  rcx,
  rdx,
  type Vector,
  vcvtne2ps2bf16,
  vmovups,
  vmulps,
  vpxord,
  zmm,
} from '@diptych/machine-code';
import { KEY_GROUP, ROW_TABLE } from './layout.ts';

/** The lanes of a vector that a head's last 8 dimensions fill. */
export const HALF = k(7);

/** Sets `HALF`. Changes rax. */
export function setHalf(): Code {
  return [mov(rax, 0xff), kmovw(HALF, rax)];
}

/** Writes dimensions 16·vector and on of a row to a register; those that the head has not are zero. */
export function loadDimensions(destination: Vector, row: General, vector: number, headDim: number): Code {
  const memory = at(row, 64 * vector);
  const left = headDim - 16 * vector;
  if (left <= 0) return vpxord(destination, destination, destination);
  return left >= 16
    ? vmovups(destination, memory)
    : vmovups(destination, memory, { mask: HALF, zeroing: true });
}

/** Where the address of a row is; the second table has those of values beside keys. */
export function rowCell(row: number, table: 0 | 1 = 0): Memory {
  return at(r15, ROW_TABLE + 8 * (table * KEY_GROUP + row));
}

/**
 * Notes the addresses of rows that are `stride` bytes apart, and of zeros for those from `valid` on, which are never
 * read: what lies there may be no number. `first` is moved behind the last. Changes rax, rcx and rdx.
 */
export function noteRows(options: {
  readonly first: General;
  readonly stride: number;
  readonly count: number;
  /** How many there are, a signed number. */
  readonly valid: General;
  readonly table?: 0 | 1;
}): Code {
  const { first, stride, count, valid, table = 0 } = options;
  const next = new Label();
  return [
    lea(rdx, constant(ZEROS)),
    mov(rcx, 0),
    next,
    mov(rax, first),
    cmp(rcx, valid),
    moveIf('ge', rax, rdx),
    mov({ ...rowCell(0, table), index: rcx, scale: 8 }, rax),
    add(first, stride),
    add(rcx, 1),
    cmp(rcx, count),
    jumpIf('b', next),
  ];
}

/** A row of the largest head, 256 dimensions. */
const ZEROS = new Uint8Array(1024);

/** Writes 32 dimensions of the row at rax to a register, in bfloat16. Changes zmm16 and zmm17. */
export function loadBfloat16(
  destination: Vector,
  { step, headDim, scale }: { readonly step: number; readonly headDim: number; readonly scale?: Memory },
): Code {
  const [low, high] = [zmm(16), zmm(17)];
  return [
    loadDimensions(low, rax, 2 * step, headDim),
    loadDimensions(high, rax, 2 * step + 1, headDim),
    scale === undefined ? [] : [vmulps(low, low, scale), vmulps(high, high, scale)],
    vcvtne2ps2bf16(destination, high, low),
  ];
}
