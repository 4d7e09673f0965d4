import {
  add,
  and,
  at,
  broadcast,
  type Code,
  cmp,
  everywhere,
  floats,
  imul,
  integers,
  jumpIf,
  k,
  kmovw,
  Label,
  mov,
  r8,
  r9,
  r10,
  r11,
  r12,
  r15,
  rax,
  rsi,
  rsp,
  shl,
  sub,
  type Vector,
  vaddps,
  vbroadcastss,
  vcvtps2dq,
  vdivps,
  vmaxps,
  vmovss,
  vmovups,
  vmulps,
  vpaddd,
  vpandd,
  vpermilps,
  vpmovdb,
  vpxord,
  vshuff32x4,
  vsubps,
  vzeroupper,
  xmm,
  zmm,
} from '@diptych/machine-code';
import { LANES, largestLane } from './lane-sums.ts';
import type { Frame, OperatorCode } from './operator-code.ts';
import { forRows, ROW_LOCALS, rowsOfTask } from './row-tasks.ts';

/** Sizes that the code is made for. */
export interface RotatedBytesOptions {
  /** Elements of a row. */
  readonly columns: number;
  /** Elements that are rotated together: a power of two. */
  readonly block: number;
}

/** The vectors of a block are rotated in so many registers. */
const LARGEST_BLOCK = 64;

/** The operator's name. */
export function rotatedBytesName({ columns, block }: RotatedBytesOptions): string {
  return `RotatedBytes_${columns}_${block}`;
}

/** Whether there is code for rows and blocks of these sizes. */
export function hasRotatedBytes({ columns, block }: RotatedBytesOptions): boolean {
  return block >= LANES && block <= LARGEST_BLOCK && columns % block === 0;
}

/**
 * Rows of activations, rotated by normalised Hadamard matrices of `block` elements and put into bytes: in steps of a
 * 127th of the largest magnitude of the rotated row. What a row becomes depends on that row alone.
 *
 * - input: float32 [..., columns]
 * - outputs: uint8 [..., columns], zero at 128; float32 [..., 1], the largest magnitude of each rotated row
 *
 * A row of zeros becomes some bytes or other; its magnitude makes zeros of any product with them.
 */
export function rotatedBytes(options: RotatedBytesOptions): OperatorCode {
  const { columns } = options;
  return {
    name: rotatedBytesName(options),
    inputs: [{ type: 'float32', rank: 'any' }],
    outputs: ['uint8', 'float32'],
    locals: ROW_LOCALS,
    compute: (frame) => [
      frame.makeOutputLike(0, 0),
      frame.makeOutputLike(1, 0, { last: 1 }),
      forRows(frame, columns, task(frame, options)),
    ],
  };
}

/** The row that is worked on, the bytes and the magnitude that it becomes, rows that are left, and a rotated row. */
const FROM = r8;
const BYTES = r9;
const PEAKS = r10;
const LEFT = r11;
const ROTATED = rsp;

/** Bytes from the beginning of a row. */
const PLACE = r12;

const PEAK = zmm(31);
const MAGNITUDE = zmm(30);
const STEPS = zmm(29);

function task(frame: Frame, { columns, block }: RotatedBytesOptions): Code {
  const row = new Label();
  return [
    mov(r15, rsp),
    sub(rsp, columns * 4),
    and(rsp, -64),
    rowsOfTask(frame, LEFT),
    placesOfRow(frame, columns),
    SWAPS.map(({ mask, lanes }) => [mov(rax, lanes), kmovw(mask, rax)]),
    vbroadcastss(MAGNITUDE, integers(0x7fffffff)),
    row,
    rotateRow(columns, block),
    largestLane(PEAK, zmm(0)),
    vmulps(zmm(0), PEAK, everywhere(1 / Math.sqrt(block))),
    vmovss(at(PEAKS), xmm(0)),
    vbroadcastss(STEPS, floats(127)),
    vdivps(STEPS, STEPS, PEAK),
    quantizeRow(columns),
    add(FROM, 4 * columns),
    add(BYTES, columns),
    add(PEAKS, 4),
    sub(LEFT, 1),
    jumpIf('ne', row),
    mov(rsp, r15),
    vzeroupper(),
  ];
}

/** FROM, BYTES and PEAKS of the row whose number is in rsi. */
function placesOfRow(frame: Frame, columns: number): Code {
  return [
    imul(BYTES, rsi, columns),
    mov(FROM, BYTES),
    shl(FROM, 2),
    add(FROM, frame.input(0)),
    add(BYTES, frame.output(0)),
    mov(PEAKS, rsi),
    shl(PEAKS, 2),
    add(PEAKS, frame.output(1)),
  ];
}

/** The row, rotated but for the factor, in ROTATED; lanes of PEAK hold the largest magnitudes. */
function rotateRow(columns: number, block: number): Code {
  const next = new Label();
  const vectors = Array.from({ length: block / LANES }, (_, index) => zmm(index));
  return [
    vpxord(PEAK, PEAK, PEAK),
    mov(PLACE, 0),
    next,
    vectors.map((vector, index) => vmovups(vector, at(FROM, 64 * index, { index: PLACE }))),
    rotateVectors(vectors),
    vectors.map((vector, index) => [
      vmovups(at(ROTATED, 64 * index, { index: PLACE }), vector),
      vpandd(vector, vector, MAGNITUDE),
      vmaxps(PEAK, PEAK, vector),
    ]),
    add(PLACE, 4 * block),
    cmp(PLACE, 4 * columns),
    jumpIf('ne', next),
  ];
}

/** How lanes trade places with those 1, 2, 4 and 8 further on, and which lanes then subtract: those further on. */
const SWAPS = [
  {
    mask: k(1),
    lanes: 0b1010101010101010,
    swap: (to: Vector, from: Vector) => vpermilps(to, from, 0b10110001),
  },
  {
    mask: k(2),
    lanes: 0b1100110011001100,
    swap: (to: Vector, from: Vector) => vpermilps(to, from, 0b01001110),
  },
  {
    mask: k(3),
    lanes: 0b1111000011110000,
    swap: (to: Vector, from: Vector) => vshuff32x4(to, from, from, 0b10110001),
  },
  {
    mask: k(4),
    lanes: 0b1111111100000000,
    swap: (to: Vector, from: Vector) => vshuff32x4(to, from, from, 0b01001110),
  },
] as const;

/** The fast Walsh-Hadamard transform of the elements of some vectors, without its factor. */
function rotateVectors(vectors: readonly Vector[]): Code {
  const within = SWAPS.map(({ mask, swap }) =>
    vectors.map((vector) => {
      const swapped = zmm(8 + vector.number);
      const sum = zmm(16 + vector.number);
      return [
        swap(swapped, vector),
        vaddps(sum, swapped, vector),
        vsubps(sum, swapped, vector, { mask }),
        vmovups(vector, sum),
      ];
    }),
  );
  return [within, ...between(vectors)];
}

/** The strides that are whole vectors. */
function between(vectors: readonly Vector[]): Code[] {
  const code: Code[] = [];
  for (let half = 1; half < vectors.length; half *= 2) {
    for (const [index, low] of vectors.entries()) {
      const high = vectors[index + half];
      if ((index & half) !== 0 || high === undefined) continue;
      const sum = zmm(8 + index);
      code.push([vaddps(sum, low, high), vsubps(high, low, high), vmovups(low, sum)]);
    }
  }
  return code;
}

/** The rotated row times STEPS, to the nearest, from 128 on, in BYTES. */
function quantizeRow(columns: number): Code {
  const next = new Label();
  return [
    mov(PLACE, 0),
    next,
    vmulps(zmm(0), STEPS, at(ROTATED, 0, { index: PLACE, scale: 4 })),
    vcvtps2dq(zmm(0), zmm(0)),
    vpaddd(zmm(0), zmm(0), broadcast(integers(128))),
    vpmovdb(at(BYTES, 0, { index: PLACE }), zmm(0)),
    add(PLACE, LANES),
    cmp(PLACE, columns),
    jumpIf('ne', next),
  ];
}
