import {
  add,
  at,
  type Code,
  cmp,
  imul,
  jumpIf,
  Label,
  lea,
  type Memory,
  mov,
  moveIf,
  r8,
  r9,
  r12,
  r13,
  r14,
  rax,
  rcx,
  rdi,
  rdx,
  rsi,
  shl,
  shr,
  sub,
  vmovups,
  vpbroadcastd,
  zmm,
} from '@diptych/machine-code';
import { floatBits, floatOfBits } from '../float-bits.ts';
import type { Frame, OperatorCode } from '../operator-code.ts';
import { attendItems, withScratch } from './attend.ts';
import { divide } from './divide.ts';
import { ITEMS, KEY_BLOCK, QUERY_ROWS, Scratch, tileCounts } from './layout.ts';
import { packBlock } from './pack-keys.ts';

/** Sizes of a tower's attention. */
export interface TileAttentionOptions {
  readonly heads: number;
  /** A multiple of 8, at most 256. */
  readonly headDim: number;
  /** Factor on the scores. */
  readonly scale: number;
}

/**
 * Bidirectional attention of many rows with AMX: what com.microsoft `MultiHeadAttention` computes without a bias, with
 * products of bfloat16 and sums of float32. Inputs: query, key, value [batch, length, heads × headDim]. Outputs: the
 * same, before the output projection, and memory to work in. What a sequence gets does not depend on the others.
 */
export function tileAttention(options: TileAttentionOptions): OperatorCode {
  const { heads, headDim, scale } = options;
  return {
    name: tileAttentionName(options),
    inputs: [{ type: 'float32', rank: 3 }, { type: 'float32' }, { type: 'float32' }],
    outputs: ['float32', 'float32'],
    locals: 8 * Object.keys(LOCALS).length,
    compute: (frame) => compute(frame, { heads, headDim, scale }),
  };
}

/** The operator's name, which tells all of its sizes; the scale as its bits. */
export function tileAttentionName({ heads, headDim, scale }: TileAttentionOptions): string {
  return `TileAttention_${heads}_${headDim}_${floatBits(scale)}`;
}

/** The sizes that numbers of a name tell, the bits of the scale as an integer. */
export function tileAttentionSizes([
  heads = 0,
  headDim = 0,
  scaleBits = 0,
]: readonly number[]): TileAttentionOptions {
  return { heads, headDim, scale: floatOfBits(scaleBits) };
}

/** The most dimensions of a head: so many that a task's memory stays close to the processor. */
const MOST_HEAD_DIM = 256;

/** Whether there is code for these sizes. */
export function hasTileAttention({ headDim, scale }: TileAttentionOptions): boolean {
  return headDim % 8 === 0 && headDim <= MOST_HEAD_DIM && scale > 0;
}

/** Counts that tasks read. */
const LOCALS = { blocks: 0, units: 8, floats: 16 } as const;

function compute(frame: Frame, options: TileAttentionOptions): Code {
  const { heads, headDim } = options;
  const [batch, length] = [frame.dimension(0, 0), frame.dimension(0, 1)];
  const blocks = frame.local(LOCALS.blocks);
  const units = frame.local(LOCALS.units);
  const floats = frame.local(LOCALS.floats);
  const none = new Label();
  const times = (count: Memory): Code => [mov(rax, batch), imul(rax, rax, heads), imul(rax, count)];
  return [
    mov(rax, length),
    add(rax, KEY_BLOCK - 1),
    shr(rax, Math.log2(KEY_BLOCK)),
    mov(blocks, rax),
    mov(rax, length),
    add(rax, ITEMS * QUERY_ROWS - 1),
    shr(rax, Math.log2(ITEMS * QUERY_ROWS)),
    mov(units, rax),
    times(blocks),
    imul(rax, rax, tileCounts(headDim).blockBytes / 4),
    mov(floats, rax),
    frame.makeOutput(0, [batch, length, heads * headDim]),
    frame.makeOutput(1, [floats]),
    times(blocks),
    cmp(rax, 0),
    jumpIf('e', none),
    frame.parallel(rax, packTask(frame, options)),
    times(units),
    frame.parallel(rax, attendTask(frame, options)),
    none,
  ];
}

/** Packs one block of a head's keys and values. */
function packTask(frame: Frame, { heads, headDim }: TileAttentionOptions): Code {
  const tiles = tileCounts(headDim);
  const stride = heads * headDim * 4;
  return withScratch(new Scratch(tiles).bytes, [
    mov(r14, rsi),
    imul(r14, r14, tiles.blockBytes),
    add(r14, frame.output(1)),
    divide(rsi, frame.local(LOCALS.blocks)),
    mov(r12, rdx),
    shl(r12, Math.log2(KEY_BLOCK)),
    mov(r9, frame.dimension(0, 1)),
    sub(r9, r12),
    headOffset(frame, heads, headDim),
    imul(r12, r12, stride),
    add(rax, r12),
    mov(rdi, frame.input(1)),
    add(rdi, rax),
    mov(r8, frame.input(2)),
    add(r8, rax),
    packBlock({ headDim, stride }),
  ]);
}

/** Attention of two tiles of a head's queries. */
function attendTask(frame: Frame, { heads, headDim, scale }: TileAttentionOptions): Code {
  const tiles = tileCounts(headDim);
  const scratch = new Scratch(tiles);
  const queryStride = heads * headDim * 4;
  const length = frame.dimension(0, 1);
  const items = Array.from({ length: ITEMS }, (_, item) => [
    // Where there is but one tile left, both items are that one, and the second writes what the first has written.
    lea(rcx, at(r12, item * QUERY_ROWS)),
    cmp(rcx, length),
    moveIf('ge', rcx, r12),
    mov(rdx, length),
    sub(rdx, rcx),
    mov(r8, QUERY_ROWS),
    cmp(rdx, r8),
    moveIf('g', rdx, r8),
    mov(scratch.item(item, 'rows'), rdx),
    imul(rcx, rcx, queryStride),
    add(rcx, rax),
    mov(rdx, frame.input(0)),
    add(rdx, rcx),
    mov(scratch.item(item, 'query'), rdx),
    mov(rdx, frame.output(0)),
    add(rdx, rcx),
    mov(scratch.item(item, 'output'), rdx),
    mov(rdx, length),
    mov(scratch.item(item, 'end'), rdx),
    vpbroadcastd(zmm(0), rdx),
    vmovups(scratch.item(item, 'ends'), zmm(0)),
  ]);
  return withScratch(scratch.bytes, [
    divide(rsi, frame.local(LOCALS.units)),
    mov(r12, rdx),
    shl(r12, Math.log2(ITEMS * QUERY_ROWS)),
    mov(r14, rax),
    imul(r14, frame.local(LOCALS.blocks)),
    imul(r14, r14, tiles.blockBytes),
    add(r14, frame.output(1)),
    headOffset(frame, heads, headDim),
    items,
    mov(r12, 0),
    mov(r13, length),
    attendItems({ headDim, scale, tiles, scratch, queryStride, hasBegin: false }),
  ]);
}

/** rax = bytes before the first row of head rax, counted through all sequences. Changes rbx and rdx. */
function headOffset(frame: Frame, heads: number, headDim: number): Code {
  return [
    divide(rax, heads),
    imul(rax, frame.dimension(0, 1)),
    imul(rax, rax, heads),
    add(rax, rdx),
    imul(rax, rax, headDim * 4),
  ];
}
