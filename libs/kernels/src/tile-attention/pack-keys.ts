import {
  add,
  at,
  type Code,
  cmp,
  constant,
  jumpIf,
  Label,
  lea,
  mov,
  r8,
  r9,
  r11,
  r14,
  rax,
  rbx,
  rcx,
  rdi,
  sub,
  vcvtne2ps2bf16,
  vmovups,
  vpermw,
  zmm,
} from '@diptych/machine-code';
import { KEY_BLOCK, KEY_GROUP, TILE_BYTES, TILE_ROW_BYTES, type TileCounts, tileCounts } from './layout.ts';
import { loadBfloat16, loadDimensions, noteRows, rowCell, setHalf } from './rows.ts';
import { transpose } from './transpose.ts';

/**
 * Packs a block of keys and values as tiles of bfloat16, zeros behind the end: keys as rows, values as columns. rdi and
 * r8 hold the addresses of the block's first key and value, r9 how many of its keys there are, r14 where they go.
 * Changes every register but rsp, rbp, r10, r12, r13 and r15.
 *
 * @param stride bytes from a row to the next
 */
export function packBlock({ headDim, stride }: { readonly headDim: number; readonly stride: number }): Code {
  const tiles = tileCounts(headDim);
  const next = new Label();
  return [
    setHalf(),
    mov(rbx, KEY_BLOCK / KEY_GROUP),
    next,
    noteRows({ first: rdi, stride, count: KEY_GROUP, valid: r9 }),
    noteRows({ first: r8, stride, count: KEY_GROUP, valid: r9, table: 1 }),
    packKeys(tiles, headDim),
    packValues(tiles, headDim),
    sub(r9, KEY_GROUP),
    add(r14, tiles.groupTiles * TILE_BYTES),
    sub(rbx, 1),
    cmp(rbx, 0),
    jumpIf('ne', next),
  ];
}

/** Rows of keys in bfloat16, 32 dimensions beside the next 32. */
function packKeys({ scoreSteps }: TileCounts, headDim: number): Code {
  const next = new Label();
  const row = new Label();
  const steps = Array.from({ length: scoreSteps }, (_, step) => [
    loadBfloat16(zmm(0), { step, headDim }),
    vmovups(at(r11, step * TILE_BYTES), zmm(0)),
  ]);
  // Two tiles of 16 rows for each step: the second 16 rows begin behind the first's tiles.
  return [
    mov(rcx, 0),
    mov(r11, r14),
    next,
    mov(rax, { ...rowCell(0), index: rcx, scale: 8 }),
    steps,
    add(r11, TILE_ROW_BYTES),
    add(rcx, 1),
    cmp(rcx, 16),
    jumpIf('ne', row),
    add(r11, (scoreSteps - 1) * TILE_BYTES),
    row,
    cmp(rcx, KEY_GROUP),
    jumpIf('b', next),
  ];
}

/** Columns of values: a tile for each 16 dimensions, whose rows hold a dimension of 32 keys. */
function packValues({ scoreSteps, valueTiles }: TileCounts, headDim: number): Code {
  return [
    lea(r11, at(r14, 2 * scoreSteps * TILE_BYTES)),
    Array.from({ length: valueTiles }, (_, tile) => [
      vmovups(zmm(31), constant(PAIRS)),
      Array.from({ length: 16 }, (_, pair) => loadPair(pair, tile, headDim)),
      transpose(),
      Array.from({ length: 16 }, (_, dimension) =>
        vmovups(at(r11, tile * TILE_BYTES + dimension * TILE_ROW_BYTES), zmm(dimension)),
      ),
    ]),
  ];
}

/** Two keys' values of 16 dimensions, side by side for each dimension. */
function loadPair(pair: number, tile: number, headDim: number): Code {
  const [first, second] = [zmm(16 + 2 * (pair % 4)), zmm(17 + 2 * (pair % 4))];
  return [
    mov(rax, rowCell(2 * pair, 1)),
    loadDimensions(first, rax, tile, headDim),
    mov(rcx, rowCell(2 * pair + 1, 1)),
    loadDimensions(second, rcx, tile, headDim),
    vcvtne2ps2bf16(first, second, first),
    vpermw(zmm(pair), zmm(31), first),
  ];
}

/** Puts elements 0 to 15 and 16 to 31 of a vector of bfloat16 side by side. */
export const PAIRS = new Uint8Array(
  Uint16Array.from({ length: 32 }, (_, lane) => Math.floor(lane / 2) + 16 * (lane % 2)).buffer,
);
