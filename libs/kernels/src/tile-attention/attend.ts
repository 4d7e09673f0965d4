import {
  add,
  and,
  at,
  type Code,
  cmp,
  constant,
  everywhere,
  floats,
  jmp,
  jumpIf,
  k,
  kortestw,
  Label,
  ldtilecfg,
  lea,
  mov,
  r8,
  r9,
  r10,
  r12,
  r13,
  r14,
  r15,
  rax,
  rcx,
  rdx,
  rsp,
  sttilecfg,
  sub,
  tdpbf16ps,
  tileloadd,
  tileShapes,
  tilestored,
  tilezero,
  tmm,
  type Vector,
  vaddps,
  vbroadcastss,
  vcvtne2ps2bf16,
  vdivps,
  vfmadd213ps,
  vmaxps,
  vmovups,
  vmulps,
  vpaddd,
  vpbroadcastd,
  vpcmpd,
  vpermw,
  vpxord,
  vreduceps,
  vscalefps,
  vsubps,
  vzeroupper,
  zmm,
} from '@diptych/machine-code';
import {
  CALLER_STACK,
  CALLER_TILES,
  ITEMS,
  KEY_BLOCK,
  KEY_GROUP,
  keyTile,
  QUERY_ROWS,
  type Scratch,
  TILE_BYTES,
  TILE_ROW_BYTES,
  type TileCounts,
  valueTile,
} from './layout.ts';
import { PAIRS } from './pack-keys.ts';
import { HALF, loadBfloat16, noteRows, rowCell, setHalf } from './rows.ts';
import { transpose } from './transpose.ts';

/** A task with memory of its own on the stack, at r15. */
export function withScratch(bytes: number, task: Code): Code {
  return [
    mov(rax, rsp),
    sub(rsp, bytes),
    and(rsp, -64),
    mov(r15, rsp),
    mov(CALLER_STACK, rax),
    task,
    mov(rsp, CALLER_STACK),
    vzeroupper(),
  ];
}

/** What is used of every tile: all of it. */
const SHAPES = tileShapes(Array.from({ length: 8 }, () => ({ rows: 16, rowBytes: 64 })));

interface Attention {
  readonly headDim: number;
  /** Factor on the scores. */
  readonly scale: number;
  readonly tiles: TileCounts;
  readonly scratch: Scratch;
  /** Bytes from a row of queries, or of the result, to the next. */
  readonly queryStride: number;
  /** Whether queries see keys from a position on only. */
  readonly hasBegin: boolean;
}

/**
 * Attention of two items' queries over packed blocks of keys. The items' cells are set; r14 is the address of the first
 * block, r12 its position, r13 a position behind the last key. Changes every register but rsp, rbp and r15.
 */
export function attendItems(attention: Attention): Code {
  const next = new Label();
  return [
    sttilecfg(CALLER_TILES),
    ldtilecfg(constant(SHAPES)),
    setHalf(),
    items((item) => [packQueries(attention, item), start(attention, item)]),
    mov(r10, TILE_ROW_BYTES),
    next,
    scores(attention),
    items((item) => [hide(attention, item), weigh(attention, item)]),
    addValues(attention),
    add(r14, attention.tiles.blockBytes),
    add(r12, KEY_BLOCK),
    cmp(r12, r13),
    jumpIf('l', next),
    items((item) => finish(attention, item)),
    ldtilecfg(CALLER_TILES),
  ];
}

/** Queries as tiles in bfloat16, whose rows hold two dimensions of 16 queries. */
function packQueries({ headDim, scale, tiles, scratch, queryStride }: Attention, item: number): Code {
  return [
    mov(r8, scratch.item(item, 'query')),
    mov(r9, scratch.item(item, 'rows')),
    noteRows({ first: r8, stride: queryStride, count: QUERY_ROWS, valid: r9 }),
    Array.from({ length: tiles.scoreSteps }, (_, step) => [
      Array.from({ length: QUERY_ROWS }, (_, row) => [
        mov(rax, rowCell(row)),
        loadBfloat16(zmm(row), { step, headDim, scale: everywhere(scale * Math.LOG2E) }),
      ]),
      transpose(),
      Array.from({ length: 16 }, (_, row) =>
        vmovups(at(r15, scratch.queries(item) + step * TILE_BYTES + row * TILE_ROW_BYTES), zmm(row)),
      ),
    ]),
  ];
}

/** Below every score, and finite: the difference of two of it is 0. */
const LOWEST = -3e38;

function start({ tiles, scratch }: Attention, item: number): Code {
  const zero = zmm(0);
  const next = new Label();
  return [
    vpxord(zero, zero, zero),
    vmovups(scratch.item(item, 'sum'), zero),
    vbroadcastss(zmm(1), floats(LOWEST)),
    vmovups(scratch.item(item, 'maximum'), zmm(1)),
    mov(rcx, 0),
    next,
    vmovups(at(r15, scratch.sums(item), { index: rcx }), zero),
    add(rcx, TILE_ROW_BYTES),
    cmp(rcx, tiles.valueTiles * TILE_BYTES),
    jumpIf('b', next),
  ];
}

/** Scores of a block's keys: a row for each key, a lane for each query. */
function scores({ tiles, scratch }: Attention): Code {
  return range(KEY_BLOCK / 32).map((pair) => [
    range(2 * ITEMS).map((sum) => tilezero(tmm(sum))),
    range(tiles.scoreSteps).map((step) => [
      range(2).map((half) => tileloadd(tmm(4 + half), r14, r10, keyTile(tiles, 2 * pair + half, step))),
      items((item) => [
        tileloadd(tmm(6 + item), r15, r10, scratch.queries(item) + step * TILE_BYTES),
        range(2).map((half) => tdpbf16ps(tmm(2 * item + half), tmm(4 + half), tmm(6 + item))),
      ]),
    ]),
    items((item) =>
      range(2).map((half) =>
        tilestored(r15, r10, tmm(2 * item + half), scratch.scores(item) + (2 * pair + half) * TILE_BYTES),
      ),
    ),
  ]);
}

/** Gives keys that a query does not see the score of no weight, where the block has such keys. */
function hide({ scratch, hasBegin }: Attention, item: number): Code {
  const some = new Label();
  const none = new Label();
  const next = new Label();
  const [position, least] = [zmm(0), zmm(1)];
  const row = at(r15, scratch.scores(item), { index: rcx });
  return [
    lea(rax, at(r12, KEY_BLOCK)),
    cmp(rax, scratch.item(item, 'end')),
    jumpIf('g', some),
    hasBegin ? [cmp(r12, scratch.item(item, 'begin')), jumpIf('l', some)] : [],
    jmp(none),
    some,
    vpbroadcastd(position, r12),
    vbroadcastss(least, floats(-Infinity)),
    mov(rcx, 0),
    next,
    vpcmpd(k(1), position, 'atLeast', scratch.item(item, 'ends')),
    vmovups(row, least, { mask: k(1) }),
    hasBegin
      ? [vpcmpd(k(1), position, 'less', scratch.item(item, 'begins')), vmovups(row, least, { mask: k(1) })]
      : [],
    vpaddd(position, position, { ...ONE, broadcast: true }),
    add(rcx, TILE_ROW_BYTES),
    cmp(rcx, KEY_BLOCK * TILE_ROW_BYTES),
    jumpIf('b', next),
    none,
  ];
}

const ONE = constant(new Uint8Array(Int32Array.of(1).buffer));

/** Vectors of `weigh` that hold something through a block. */
const OFFSET = zmm(0);
const SUMS = [zmm(1), zmm(2), zmm(3), zmm(4)] as const;
const FACTOR = zmm(5);
const ORDER = zmm(31);
const COEFFICIENTS = [zmm(27), zmm(28), zmm(29), zmm(30)] as const;

/**
 * 2^f for 0 <= f < 1 as 1 + f (a + f (b + f c)): within 9e-5 of it, where bfloat16 rounds to 2e-3. At 0 it is 1, so what
 * changes nothing is multiplied by exactly 1. The coefficients make the largest relative error smallest.
 */
const POLYNOMIAL = [1, 0.6951168245278163, 0.22764482191480082, 0.07706719743373917] as const;

/** Turns an item's scores into weights, and brings its running values to the block's maximum. */
function weigh({ tiles, scratch }: Attention, item: number): Code {
  return [
    POLYNOMIAL.map((value, power) => {
      const register = COEFFICIENTS[power];
      return register === undefined ? [] : vbroadcastss(register, floats(value));
    }),
    vmovups(ORDER, constant(PAIRS)),
    raise(tiles, scratch, item),
    weighTiles(scratch, item),
    vaddps(SUMS[0], SUMS[0], SUMS[1]),
    vaddps(SUMS[2], SUMS[2], SUMS[3]),
    vaddps(SUMS[0], SUMS[0], SUMS[2]),
    vmovups(zmm(6), scratch.item(item, 'sum')),
    vfmadd213ps(zmm(6), FACTOR, SUMS[0]),
    vmovups(scratch.item(item, 'sum'), zmm(6)),
  ];
}

/** The running maximum, and the sums so far at its scale. */
function raise({ valueTiles }: TileCounts, scratch: Scratch, item: number): Code {
  const [before, ...maxima] = [zmm(6), zmm(7), zmm(8), zmm(9), zmm(10)] as const;
  const [first, second, third, fourth] = maxima;
  const same = new Label();
  const next = new Label();
  const values = at(r15, scratch.sums(item), { index: rcx });
  return [
    vmovups(before, scratch.item(item, 'maximum')),
    maxima.map((maximum) => vmovups(maximum, before)),
    range(KEY_BLOCK).map((row) => {
      const maximum = maxima[row % 4] ?? first;
      return vmaxps(maximum, maximum, at(r15, scratch.scores(item) + row * TILE_ROW_BYTES));
    }),
    vmaxps(first, first, second),
    vmaxps(third, third, fourth),
    vmaxps(first, first, third),
    vmovups(scratch.item(item, 'maximum'), first),
    vsubps(FACTOR, before, first),
    power(FACTOR, zmm(11), zmm(12)),
    vpxord(OFFSET, OFFSET, OFFSET),
    vsubps(OFFSET, OFFSET, first),
    SUMS.map((sum) => vpxord(sum, sum, sum)),
    vpcmpd(k(1), before, 'notEqual', first),
    kortestw(k(1), k(1)),
    jumpIf('e', same),
    mov(rcx, 0),
    next,
    range(4).map((part) => {
      const memory = { ...values, displacement: values.displacement + part * TILE_ROW_BYTES };
      return [vmulps(zmm(11 + part), FACTOR, memory), vmovups(memory, zmm(11 + part))];
    }),
    add(rcx, 4 * TILE_ROW_BYTES),
    cmp(rcx, valueTiles * TILE_BYTES),
    jumpIf('b', next),
    same,
  ];
}

function weighTiles(scratch: Scratch, item: number): Code {
  const next = new Label();
  return [
    mov(rcx, 0),
    mov(rdx, 0),
    next,
    range(KEY_GROUP / 2).map((pair) => weighPair(scratch, item, pair)),
    add(rcx, KEY_GROUP * TILE_ROW_BYTES),
    add(rdx, TILE_BYTES),
    cmp(rdx, (KEY_BLOCK / KEY_GROUP) * TILE_BYTES),
    jumpIf('b', next),
  ];
}

/** Weights of two keys, side by side for each query. */
function weighPair(scratch: Scratch, item: number, pair: number): Code {
  const [even, odd] = [zmm(8 + 6 * (pair % 3)), zmm(9 + 6 * (pair % 3))];
  const row = (key: number) => at(r15, scratch.scores(item) + key * TILE_ROW_BYTES, { index: rcx });
  const [first, second] = pair % 2 === 0 ? [SUMS[0], SUMS[1]] : [SUMS[2], SUMS[3]];
  return [
    vaddps(even, OFFSET, row(2 * pair)),
    power(even, zmm(even.number + 2), zmm(even.number + 3)),
    vaddps(odd, OFFSET, row(2 * pair + 1)),
    power(odd, zmm(even.number + 4), zmm(even.number + 5)),
    vaddps(first, first, even),
    vaddps(second, second, odd),
    vcvtne2ps2bf16(even, odd, even),
    vpermw(even, ORDER, even),
    vmovups(at(r15, scratch.weights(item) + pair * TILE_ROW_BYTES, { index: rdx }), even),
  ];
}

/** value = 2^value for values up to 0. Changes the other two. */
function power(value: Vector, fraction: Vector, result: Vector): Code {
  const [constantTerm, linear, quadratic, cubic] = COEFFICIENTS;
  return [
    vreduceps(fraction, value),
    vmovups(result, cubic),
    vfmadd213ps(result, fraction, quadratic),
    vfmadd213ps(result, fraction, linear),
    vfmadd213ps(result, fraction, constantTerm),
    vscalefps(value, result, value),
  ];
}

/** Adds the block's values by their weights. */
function addValues({ tiles, scratch }: Attention): Code {
  return range(Math.ceil(tiles.valueTiles / 2)).map((pair) => {
    const halves = range(Math.min(2, tiles.valueTiles - 2 * pair));
    const sum = (item: number, half: number) => scratch.sums(item) + (2 * pair + half) * TILE_BYTES;
    return [
      items((item) => halves.map((half) => tileloadd(tmm(2 * item + half), r15, r10, sum(item, half)))),
      range(KEY_BLOCK / KEY_GROUP).map((group) => [
        halves.map((half) => tileloadd(tmm(4 + half), r14, r10, valueTile(tiles, group, 2 * pair + half))),
        items((item) => [
          tileloadd(tmm(6 + item), r15, r10, scratch.weights(item) + group * TILE_BYTES),
          halves.map((half) => tdpbf16ps(tmm(2 * item + half), tmm(4 + half), tmm(6 + item))),
        ]),
      ]),
      items((item) => halves.map((half) => tilestored(r15, r10, tmm(2 * item + half), sum(item, half)))),
    ];
  });
}

/** Divides an item's sums by the sum of its weights and writes its rows. */
function finish({ headDim, tiles, scratch, queryStride }: Attention, item: number): Code {
  return [
    mov(r8, scratch.item(item, 'output')),
    mov(r9, scratch.item(item, 'rows')),
    range(tiles.valueTiles).map((tile) => [
      vmovups(zmm(31), scratch.item(item, 'sum')),
      range(16).map((dimension) => [
        vmovups(zmm(dimension), at(r15, scratch.sums(item) + tile * TILE_BYTES + dimension * TILE_ROW_BYTES)),
        vdivps(zmm(dimension), zmm(dimension), zmm(31)),
      ]),
      transpose(),
      storeRows(tile, headDim, queryStride),
    ]),
  ];
}

function storeRows(tile: number, headDim: number, stride: number): Code {
  const end = new Label();
  const isHalf = headDim - 16 * tile < 16;
  return [
    range(QUERY_ROWS).map((row) => [
      cmp(r9, row),
      jumpIf('le', end),
      vmovups(at(r8, row * stride + tile * 64), zmm(row), isHalf ? { mask: HALF } : {}),
    ]),
    end,
  ];
}

function items(code: (item: number) => Code): Code {
  return range(ITEMS).map(code);
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
