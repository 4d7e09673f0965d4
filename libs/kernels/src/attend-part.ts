import {
  add,
  and,
  at,
  type Code,
  cmp,
  div,
  floats,
  imul,
  integers,
  jmp,
  jumpIf,
  k,
  Label,
  lea,
  load32,
  mov,
  moveIf,
  prefetcht0,
  r8,
  r9,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  rax,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
  shl,
  shr,
  sub,
  vaddps,
  vbroadcastss,
  vfmadd231ps,
  vmaxps,
  vmovss,
  vmovups,
  vmulps,
  vpbroadcastd,
  vpcmpd,
  vpxord,
  vsubps,
  vzeroupper,
  xmm,
  zmm,
} from '@diptych/machine-code';
import { findRow, INPUTS, LOCALS, OUTPUTS } from './attention-frame.ts';
import type { AttentionSizes } from './attention-sizes.ts';
import { LEAST_EXPONENT, powerOfTwo } from './exponential.ts';
import { LANES, largestLane, sumLanes, sumLanesOfSixteen } from './lane-sums.ts';
import type { Frame } from './operator-code.ts';

/** Positions of a part: enough that joining parts costs little, few enough to share a lone sequence out. */
export const PART_BITS = 8;
export const PART = 1 << PART_BITS;

/** Positions whose values are weighed at once: so many rows stay in the first-level cache for several heads. */
const VALUE_BLOCK = 64;

/** What a task knows of its part, from `findPart` on. */
const QUERIES = rsi;
/** Positions of it that the row sees lie from FIRST to END. */
const FIRST = r11;
const END = rdi;
/** Rows of the cache from the part's start, later from where the loop is. */
const KEYS = r13;
const VALUES = r14;
/** Where its results belong. */
const PARTIAL = r12;
/** Scores, then weights [group, PART], lie at rsp. */

/**
 * A part of a row's positions for the query heads that share a head of keys and values; `rsi` counts kv heads within
 * parts. Gives for each query head the weighed sum of values, the largest score and the sum of weights.
 */
export function attendPart(frame: Frame, sizes: AttentionSizes): Code {
  const scratch = 4 * PART * sizes.group;
  return [
    mov(rax, rsp),
    sub(rsp, scratch + 64),
    and(rsp, -64),
    mov(at(rsp, scratch), rax),
    findPart(frame, sizes),
    scoreKeys(sizes),
    weighScores(sizes),
    sumValues(sizes),
    mov(rsp, at(rsp, scratch)),
    vzeroupper(),
  ];
}

function findPart(frame: Frame, sizes: AttentionSizes): Code {
  const { heads, kvHeads, group, headBytes, partialBytes } = sizes;
  const [search, found] = [new Label(), new Label()];
  return [
    mov(rax, rsi),
    mov(rdx, 0),
    mov(rcx, kvHeads),
    div(rcx),
    mov(r8, rdx),
    mov(r9, frame.output(OUTPUTS.workspace)),
    mov(r10, 0),
    search,
    load32(rcx, at(r9, 4, { index: r10, scale: 4 })),
    cmp(rax, rcx),
    jumpIf('b', found),
    add(r10, 1),
    jmp(search),
    found,
    imul(PARTIAL, rax, heads),
    imul(rcx, r8, group),
    add(PARTIAL, rcx),
    imul(PARTIAL, PARTIAL, partialBytes),
    add(PARTIAL, frame.local(LOCALS.partials)),
    load32(rcx, at(r9, 0, { index: r10, scale: 4 })),
    sub(rax, rcx),
    mov(r15, rax),
    findRow(frame, sizes),
    boundPart(),
    // The row of the cache that the part begins with.
    imul(rcx, rcx, kvHeads),
    add(rcx, r8),
    imul(rcx, frame.dimension(INPUTS.pastKey, 2)),
    add(rcx, r15),
    imul(rcx, rcx, headBytes),
    mov(KEYS, frame.output(OUTPUTS.presentKey)),
    add(KEYS, rcx),
    mov(VALUES, frame.output(OUTPUTS.presentValue)),
    add(VALUES, rcx),
    imul(QUERIES, r10, heads),
    imul(r8, r8, group),
    add(QUERIES, r8),
    imul(QUERIES, QUERIES, headBytes),
    add(QUERIES, frame.output(OUTPUTS.rows)),
  ];
}

/** r15 from a count of the row's parts to the part's first position; FIRST and END from positions to those in the part. */
function boundPart(): Code {
  return [
    mov(rax, FIRST),
    shr(rax, PART_BITS),
    add(r15, rax),
    shl(r15, PART_BITS),
    sub(END, r15),
    mov(rax, PART),
    cmp(END, rax),
    moveIf('a', END, rax),
    mov(rax, 0),
    sub(FIRST, r15),
    moveIf('l', FIRST, rax),
  ];
}

/** Sixteen keys at once, from the multiple of sixteen that FIRST lies behind. */
const BLOCK = r8;
const SCORE = zmm(0);
const NUMBERS = zmm(28);
const NEVER = zmm(29);
const BEHIND = k(1);
const BEFORE = k(2);

function scoreKeys(sizes: AttentionSizes): Code {
  const { group, headBytes } = sizes;
  const [block, head] = [new Label(), new Label()];
  return [
    vmovups(NUMBERS, integers(...Array.from({ length: LANES }, (_, lane) => lane))),
    vbroadcastss(NEVER, floats(-Infinity)),
    firstBlock(),
    imul(rax, BLOCK, headBytes),
    add(KEYS, rax),
    block,
    mov(r15, END),
    sub(r15, BLOCK),
    vpbroadcastd(zmm(30), r15),
    vpcmpd(BEHIND, NUMBERS, 'atLeast', zmm(30)),
    mov(rax, FIRST),
    sub(rax, BLOCK),
    vpbroadcastd(zmm(31), rax),
    vpcmpd(BEFORE, NUMBERS, 'less', zmm(31)),
    prefetchNext(sizes),
    mov(r9, QUERIES),
    lea(r10, at(rsp, 0, { index: BLOCK, scale: 4 })),
    mov(rcx, group),
    head,
    scoreBlock(sizes),
    vmovups(SCORE, NEVER, { mask: BEHIND }),
    vmovups(SCORE, NEVER, { mask: BEFORE }),
    vmovups(at(r10), SCORE),
    add(r9, headBytes),
    add(r10, 4 * PART),
    sub(rcx, 1),
    jumpIf('ne', head),
    add(KEYS, LANES * headBytes),
    add(BLOCK, LANES),
    cmp(BLOCK, END),
    jumpIf('b', block),
  ];
}

/** Bytes from where keys and values are read to where memory is asked for: farther than the processor looks by itself. */
const BYTES_AHEAD = 8192;

/** Asks for a later block of keys, and behind the last one for values: the memory that is read next. */
function prefetchNext({ headBytes }: AttentionSizes): Code {
  const bytes = LANES * headBytes;
  const blocks = Math.max(1, Math.round(BYTES_AHEAD / bytes));
  return [
    lea(rax, at(KEYS, blocks * bytes)),
    lea(rcx, at(BLOCK, blocks * LANES)),
    sub(rcx, END),
    imul(rdx, rcx, headBytes),
    add(rdx, VALUES),
    cmp(rcx, 0),
    moveIf('ge', rax, rdx),
    indices(bytes / 64).map((line) => prefetcht0(at(rax, 64 * line))),
  ];
}

function firstBlock(): Code {
  return [mov(BLOCK, FIRST), and(BLOCK, -LANES)];
}

/** Vectors of a query that are kept in registers beside sixteen sums. */
const QUERY_VECTORS = 8;

/** SCORE: products of the query at r9 with the r15 keys from KEYS on, at most sixteen; the other lanes hold anything. */
function scoreBlock({ vectors, headBytes }: AttentionSizes): Code {
  return [
    chunks(vectors, QUERY_VECTORS).map(({ start, length }) => {
      const end = new Label();
      return [
        indices(length).map((index) => vmovups(zmm(LANES + index), at(r9, 64 * (start + index)))),
        indices(LANES).map((key) => [
          key === 0 ? [] : [cmp(r15, key), jumpIf('be', end)],
          indices(length).map((index) => {
            const multiply = start + index === 0 ? vmulps : vfmadd231ps;
            return multiply(zmm(key), zmm(LANES + index), at(KEYS, key * headBytes + 64 * (start + index)));
          }),
        ]),
        end,
      ];
    }),
    sumLanesOfSixteen(),
  ];
}

/** Scores become weights, each head by itself. */
function weighScores({ group, headBytes, partialBytes, exponentScale }: AttentionSizes): Code {
  const [head, compare, weigh] = [new Label(), new Label(), new Label()];
  const [largest, sum, value, least, scale] = [zmm(0), zmm(1), zmm(2), zmm(3), zmm(4)];
  const scores = at(r10, 0, { index: BLOCK, scale: 4 });
  return [
    vbroadcastss(least, floats(LEAST_EXPONENT)),
    vbroadcastss(scale, floats(exponentScale)),
    mov(r10, rsp),
    mov(r9, PARTIAL),
    mov(rcx, group),
    head,
    firstBlock(),
    vmovups(largest, scores),
    compare,
    vmaxps(largest, largest, scores),
    nextBlock(compare),
    largestLane(largest, value),
    vpxord(sum, sum, sum),
    firstBlock(),
    weigh,
    vmovups(value, scores),
    vsubps(value, value, largest),
    vmulps(value, value, scale),
    powerOfTwo({ value, least, whole: zmm(5), power: zmm(6) }),
    vmovups(scores, value),
    vaddps(sum, sum, value),
    nextBlock(weigh),
    sumLanes(sum, value),
    vmovss(at(r9, headBytes), xmm(largest.number)),
    vmovss(at(r9, headBytes + 4), xmm(sum.number)),
    add(r10, 4 * PART),
    add(r9, partialBytes),
    sub(rcx, 1),
    jumpIf('ne', head),
  ];
}

function nextBlock(label: Label): Code {
  return [add(BLOCK, LANES), cmp(BLOCK, END), jumpIf('b', label)];
}

/** Sums and weights in registers beside a vector of a value. */
const SUM_REGISTERS = 30;

/** Vectors of a value that are summed at once. */
const VALUE_VECTORS = 4;

/** The sums of weighed values. */
function sumValues(sizes: AttentionSizes): Code {
  const { group, vectors, headBytes, partialBytes } = sizes;
  const block = new Label();
  const columns = chunks(vectors, VALUE_VECTORS);
  const width = Math.max(...columns.map(({ length }) => length));
  const rows = chunks(group, Math.floor(SUM_REGISTERS / (width + 1)));
  const tiles = rows.flatMap((head) => columns.map((vector) => ({ head, vector })));
  return [
    vpxord(zmm(0), zmm(0), zmm(0)),
    indices(group).map((head) =>
      indices(vectors).map((vector) => vmovups(at(PARTIAL, head * partialBytes + 64 * vector), zmm(0))),
    ),
    imul(rax, FIRST, headBytes),
    add(VALUES, rax),
    mov(BLOCK, FIRST),
    block,
    lea(r9, at(BLOCK, VALUE_BLOCK)),
    cmp(r9, END),
    moveIf('a', r9, END),
    tiles.map((tile) => sumTile(sizes, tile)),
    mov(VALUES, r15),
    mov(BLOCK, r9),
    cmp(BLOCK, END),
    jumpIf('b', block),
  ];
}

/** Some vectors of some heads, over positions from BLOCK to r9. Leaves the row behind them in r15. */
function sumTile(
  { headBytes, partialBytes }: AttentionSizes,
  { head, vector }: { readonly head: Chunk; readonly vector: Chunk },
): Code {
  const next = new Label();
  const weights = indices(head.length).map((index) => zmm(index));
  const sums = indices(head.length * vector.length).map((index) => ({
    register: zmm(head.length + index),
    weight: zmm(Math.floor(index / vector.length)),
    column: index % vector.length,
    place: at(
      PARTIAL,
      (head.start + Math.floor(index / vector.length)) * partialBytes +
        64 * (vector.start + (index % vector.length)),
    ),
  }));
  const value = zmm(31);
  return [
    sums.map(({ register, place }) => vmovups(register, place)),
    mov(rcx, BLOCK),
    mov(r15, VALUES),
    next,
    weights.map((weight, index) =>
      vbroadcastss(weight, at(rsp, 4 * PART * (head.start + index), { index: rcx, scale: 4 })),
    ),
    indices(vector.length).map((column) => [
      prefetcht0(at(r15, BYTES_AHEAD + 64 * (vector.start + column))),
      vmovups(value, at(r15, 64 * (vector.start + column))),
      sums
        .filter((sum) => sum.column === column)
        .map(({ register, weight }) => vfmadd231ps(register, weight, value)),
    ]),
    add(r15, headBytes),
    add(rcx, 1),
    cmp(rcx, r9),
    jumpIf('b', next),
    sums.map(({ register, place }) => vmovups(place, register)),
  ];
}

interface Chunk {
  readonly start: number;
  readonly length: number;
}

/** A count in as few pieces of at most `most` as will do, as even as they can be. */
function chunks(count: number, most: number): Chunk[] {
  const length = Math.ceil(count / Math.ceil(count / most));
  return indices(Math.ceil(count / length)).map((index) => ({
    start: index * length,
    length: Math.min(length, count - index * length),
  }));
}

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
