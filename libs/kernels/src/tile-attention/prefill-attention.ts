import {
  add,
  and,
  at,
  type Code,
  cmp,
  type General,
  imul,
  integers,
  jumpIf,
  Label,
  loadSigned32,
  type Memory,
  mov,
  moveIf,
  r8,
  r9,
  r11,
  r12,
  r13,
  r14,
  rax,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  shl,
  shr,
  sub,
  vmovups,
  vpaddd,
  vpbroadcastd,
  vpsubd,
  zmm,
} from '@diptych/machine-code';
import { INPUTS, OUTPUTS } from '../attention-frame.ts';
import type { CachedAttentionOptions } from '../attention-sizes.ts';
import type { Frame } from '../operator-code.ts';
import { attendItems, withScratch } from './attend.ts';
import { divide } from './divide.ts';
import { ITEMS, KEY_BLOCK, QUERY_ROWS, Scratch, tileCounts } from './layout.ts';
import { packBlock } from './pack-keys.ts';

/** A decoder's attention over its cache, and where it may keep counts. */
export interface PrefillOptions extends CachedAttentionOptions {
  /** Offset of `PREFILL_LOCALS_BYTES` bytes of the frame's room, at a multiple of 8. */
  readonly locals: number;
}

/** Counts that tasks read. */
const LOCALS = { blocks: 0, items: 8, units: 16 } as const;

/** Bytes of the frame's room that `prefillAttention` keeps its counts in. */
export const PREFILL_LOCALS_BYTES = 8 * Object.keys(LOCALS).length;

/**
 * Counts what `prefillAttention` has to do, and leaves in rax how many floats of workspace it needs. Changes every
 * register but rbx and rbp.
 */
export function prefillWorkspace(frame: Frame, options: PrefillOptions): Code {
  const { headDim, heads, kvHeads } = options;
  const { blocks, items, units } = cells(frame, options);
  const next = new Label();
  const [most, sequence] = [r8, r11];
  return [
    mov(most, 0),
    mov(sequence, 0),
    next,
    findTotal(frame, rdx, sequence),
    findFirst(frame, options, rdx),
    sub(rdx, rax),
    add(rdx, KEY_BLOCK - 1),
    shr(rdx, Math.log2(KEY_BLOCK)),
    cmp(rdx, most),
    moveIf('g', most, rdx),
    add(sequence, 1),
    cmp(sequence, frame.dimension(INPUTS.qkv, 0)),
    jumpIf('b', next),
    mov(blocks, most),
    mov(rax, frame.dimension(INPUTS.qkv, 1)),
    add(rax, QUERY_ROWS - 1),
    shr(rax, Math.log2(QUERY_ROWS)),
    imul(rax, rax, heads / kvHeads),
    mov(items, rax),
    add(rax, ITEMS - 1),
    shr(rax, Math.log2(ITEMS)),
    mov(units, rax),
    countTasks(frame, kvHeads, blocks),
    imul(rax, rax, tileCounts(headDim).blockBytes / 4),
  ];
}

/**
 * Causal attention of a step's rows, of any number, over the cache with AMX: products of bfloat16, sums of float32.
 * Part of an operator with the inputs and outputs of `CachedAttention`, after `prefillWorkspace`: the cache holds the
 * new rows, output 0 the rotated queries, which become the result, and the workspace has the size that was asked for.
 *
 * A row's result is the same to the last bit whatever rows and sequences run beside it and however many came before in
 * steps of their own. It needs only that blocks of keys begin at multiples of their length: where a block hides all
 * keys from a row, nothing of the row changes. Changes every register but rbx and rbp.
 */
export function prefillAttention(frame: Frame, options: PrefillOptions): Code {
  const { blocks, units } = cells(frame, options);
  return [
    countTasks(frame, options.kvHeads, blocks),
    frame.parallel(rax, packTask(frame, options)),
    countTasks(frame, options.kvHeads, units),
    frame.parallel(rax, attendTask(frame, options)),
  ];
}

function cells(frame: Frame, { locals }: PrefillOptions) {
  return {
    /** Packed blocks of a head of the sequence that has the most of them. */
    blocks: frame.local(locals + LOCALS.blocks),
    /** Tiles of queries that share a head of keys. */
    items: frame.local(locals + LOCALS.items),
    /** Tasks that they are shared out to. */
    units: frame.local(locals + LOCALS.units),
  };
}

/** rax = batch × kvHeads × a count. */
function countTasks(frame: Frame, kvHeads: number, count: Memory): Code {
  return [mov(rax, frame.dimension(INPUTS.qkv, 0)), imul(rax, rax, kvHeads), imul(rax, count)];
}

/** The length of a sequence with its new rows. Changes rax. */
function findTotal(frame: Frame, total: General, sequence: General): Code {
  return [
    mov(rax, frame.input(INPUTS.seqlensK)),
    loadSigned32(total, at(rax, 0, { index: sequence, scale: 4 })),
    add(total, 1),
  ];
}

/** rax = the first position that is packed of a sequence of this length: the block that its first row's window begins in. */
function findFirst(frame: Frame, { slidingWindow }: PrefillOptions, total: General): Code {
  if (slidingWindow === undefined) return mov(rax, 0);
  return [mov(rax, total), sub(rax, frame.dimension(INPUTS.qkv, 1)), add(rax, 1), windowBlock(slidingWindow)];
}

/** Of the position in rax behind a row: where the block begins that its window begins in. Changes rcx. */
function windowBlock(slidingWindow: number): Code {
  return [mov(rcx, 0), sub(rax, slidingWindow), cmp(rax, rcx), moveIf('l', rax, rcx), and(rax, -KEY_BLOCK)];
}

/** Packs one block of a head's keys and values. */
function packTask(frame: Frame, options: PrefillOptions): Code {
  const { kvHeads, headDim } = options;
  const tiles = tileCounts(headDim);
  const end = new Label();
  const [head, block, position] = [r11, r12, r13];
  return withScratch(new Scratch(tiles).bytes, [
    mov(r14, rsi),
    imul(r14, r14, tiles.blockBytes),
    add(r14, frame.output(OUTPUTS.workspace)),
    divide(rsi, cells(frame, options).blocks),
    mov(head, rax),
    mov(block, rdx),
    divide(head, kvHeads),
    mov(rbx, rax),
    findTotal(frame, r9, rbx),
    findFirst(frame, options, r9),
    mov(position, block),
    shl(position, Math.log2(KEY_BLOCK)),
    add(position, rax),
    sub(r9, position),
    cmp(r9, 0),
    jumpIf('le', end),
    mov(rax, head),
    imul(rax, frame.dimension(INPUTS.pastKey, 2)),
    add(rax, position),
    imul(rax, rax, headDim * 4),
    mov(rdi, frame.input(INPUTS.pastKey)),
    add(rdi, rax),
    mov(r8, frame.input(INPUTS.pastValue)),
    add(r8, rax),
    packBlock({ headDim, stride: headDim * 4 }),
    end,
  ]);
}

/** Attention of two tiles of queries that share a head of keys. */
function attendTask(frame: Frame, options: PrefillOptions): Code {
  const { heads, kvHeads, headDim, scale, slidingWindow } = options;
  const tiles = tileCounts(headDim);
  const scratch = new Scratch(tiles);
  const { blocks, units } = cells(frame, options);
  const hasBegin = slidingWindow !== undefined;
  return withScratch(scratch.bytes, [
    divide(rsi, units),
    mov(r14, rax),
    mov(r12, rdx),
    imul(r12, r12, ITEMS),
    divide(r14, kvHeads),
    mov(r8, rax),
    mov(r9, rdx),
    imul(r14, blocks),
    imul(r14, r14, tiles.blockBytes),
    add(r14, frame.output(OUTPUTS.workspace)),
    findTotal(frame, r11, r8),
    findFirst(frame, options, r11),
    mov(rsi, rax),
    sub(r11, frame.dimension(INPUTS.qkv, 1)),
    Array.from({ length: ITEMS }, (_, item) => setItem(frame, options, scratch, item)),
    mov(r12, 0),
    slidingWindow === undefined ? [] : [skipBlocks(scratch, slidingWindow, tiles.blockBytes)],
    attendItems({ headDim, scale, tiles, scratch, queryStride: heads * headDim * 4, hasBegin }),
  ]);
}

/**
 * Sets an item's cells. r8 holds the sequence, r9 the head of keys, r11 the position of the step's first row, r12 the
 * number of the task's first item. r13 = the position behind the item's last row. Changes rax, rbx, rcx, rdx and rdi.
 */
function setItem(frame: Frame, options: PrefillOptions, scratch: Scratch, item: number): Code {
  const { heads, kvHeads, headDim, slidingWindow } = options;
  const group = heads / kvHeads;
  const length = frame.dimension(INPUTS.qkv, 1);
  const ends = zmm(0);
  return [
    // Where there is but one item left, both are that one, and the second writes what the first has written.
    mov(rcx, r12),
    add(rcx, item),
    cmp(rcx, cells(frame, options).items),
    moveIf('ge', rcx, r12),
    divide(rcx, group),
    shl(rax, Math.log2(QUERY_ROWS)),
    mov(rdi, r8),
    imul(rdi, length),
    add(rdi, rax),
    imul(rdi, rdi, kvHeads),
    add(rdi, r9),
    imul(rdi, rdi, group),
    add(rdi, rdx),
    imul(rdi, rdi, headDim * 4),
    add(rdi, frame.output(OUTPUTS.rows)),
    mov(scratch.item(item, 'query'), rdi),
    mov(scratch.item(item, 'output'), rdi),
    mov(rdx, length),
    sub(rdx, rax),
    mov(rcx, QUERY_ROWS),
    cmp(rdx, rcx),
    moveIf('g', rdx, rcx),
    mov(scratch.item(item, 'rows'), rdx),
    add(rax, r11),
    mov(r13, rax),
    add(r13, rdx),
    add(rax, 1),
    mov(scratch.item(item, 'end'), rax),
    vpbroadcastd(ends, rax),
    vpaddd(ends, ends, integers(...Array.from({ length: QUERY_ROWS }, (_, lane) => lane))),
    vmovups(scratch.item(item, 'ends'), ends),
    slidingWindow === undefined
      ? []
      : [
          add(rax, QUERY_ROWS - 1 - slidingWindow),
          mov(scratch.item(item, 'begin'), rax),
          vpsubd(ends, ends, integers(...Array<number>(QUERY_ROWS).fill(slidingWindow))),
          vmovups(scratch.item(item, 'begins'), ends),
        ],
  ];
}

/** r12 = the position of the block that the first row's window begins in, r14 its address; rsi is r14's position. */
function skipBlocks(scratch: Scratch, slidingWindow: number, blockBytes: number): Code {
  return [
    mov(rax, scratch.item(0, 'end')),
    windowBlock(slidingWindow),
    mov(r12, rax),
    sub(rax, rsi),
    shr(rax, Math.log2(KEY_BLOCK)),
    imul(rax, rax, blockBytes),
    add(r14, rax),
  ];
}
