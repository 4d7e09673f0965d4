import {
  add,
  at,
  type Code,
  cmp,
  everywhere,
  floats,
  imul,
  jumpIf,
  Label,
  mov,
  r8,
  r9,
  r10,
  r11,
  r12,
  rdx,
  rsi,
  shl,
  sub,
  type Vector,
  vaddps,
  vbroadcastss,
  vdivps,
  vfmadd213ps,
  vminps,
  vmovups,
  vmulps,
  vzeroupper,
  zmm,
} from '@diptych/machine-code';
import { LEAST_EXPONENT, powerOfTwo } from './exponential.ts';
import { LANES } from './lane-sums.ts';
import type { Frame, OperatorCode } from './operator-code.ts';
import { forRows, ROW_LOCALS, rowsOfTask } from './row-tasks.ts';

/** What is applied to each element, as x·sigmoid(linear·x + cubic·x³). */
const GATES = {
  silu: { linear: 1, cubic: 0 },
  quick: { linear: 1.702, cubic: 0 },
  // ½x(1 + tanh u) is x·sigmoid(2u); u = √(2/π)(x + 0.044715·x³).
  tanh: { linear: 2 * Math.sqrt(2 / Math.PI), cubic: 2 * Math.sqrt(2 / Math.PI) * 0.044715 },
} as const;

/** SiLU, the quick approximation of GELU, or that by tanh. */
export type Gate = keyof typeof GATES;

/** Sizes that the code is made for. */
export interface ScaledRowsOptions {
  /** Elements of a row. */
  readonly columns: number;
  readonly bias: boolean;
  readonly gate?: Gate | undefined;
}

/** Vectors that are worked on at once, so that none waits for its own last result. */
const AT_ONCE = 4;

/** The operator's name: the last number counts the gates from 1, 0 for none. */
export function scaledRowsName({ columns, bias, gate }: ScaledRowsOptions): string {
  return ['ScaledRows', columns, Number(bias), gate === undefined ? 0 : GATE_NAMES.indexOf(gate) + 1].join(
    '_',
  );
}

/** The sizes in a name that `scaledRowsName` gave. */
export function scaledRowsOptions(columns: number, bias: number, gate: number): ScaledRowsOptions {
  return { columns, bias: bias === 1, gate: GATE_NAMES[gate - 1] };
}

const GATE_NAMES = ['silu', 'quick', 'tanh'] as const satisfies readonly Gate[];

/** Whether there is code for rows of these sizes. */
export function hasScaledRows({ columns }: Pick<ScaledRowsOptions, 'columns'>): boolean {
  return columns % LANES === 0;
}

/**
 * What follows a product of bytes: each row times its factor, plus the bias, through the gate.
 *
 * - inputs: float32 [..., columns]; float32 [..., 1], a factor for each row; float32 [columns] where there is a bias
 * - output: float32 [..., columns]
 */
export function scaledRows(options: ScaledRowsOptions): OperatorCode {
  const { columns, bias } = options;
  return {
    name: scaledRowsName(options),
    inputs: [
      { type: 'float32', rank: 'any' },
      { type: 'float32' },
      ...(bias ? [{ type: 'float32' } as const] : []),
    ],
    outputs: ['float32'],
    locals: ROW_LOCALS,
    compute: (frame) => [frame.makeOutputLike(0, 0), forRows(frame, columns, task(frame, options))],
  };
}

/** The row that is worked on, what it becomes, its factor, rows that are left, the bias. */
const FROM = r8;
const TO = r9;
const FACTORS = r10;
const LEFT = r11;
const BIAS = r12;

/** Elements from the beginning of a row. */
const PLACE = rdx;

const FACTOR = zmm(31);
const LEAST = zmm(30);

function task(frame: Frame, options: ScaledRowsOptions): Code {
  const { columns, bias } = options;
  const row = new Label();
  return [
    rowsOfTask(frame, LEFT),
    mov(FACTORS, rsi),
    shl(FACTORS, 2),
    imul(FROM, FACTORS, columns),
    mov(TO, FROM),
    add(FROM, frame.input(0)),
    add(TO, frame.output(0)),
    add(FACTORS, frame.input(1)),
    bias ? mov(BIAS, frame.input(2)) : [],
    vbroadcastss(LEAST, floats(LEAST_EXPONENT)),
    row,
    vbroadcastss(FACTOR, at(FACTORS)),
    wholeRow(options),
    add(FROM, 4 * columns),
    add(TO, 4 * columns),
    add(FACTORS, 4),
    sub(LEFT, 1),
    jumpIf('ne', row),
    vzeroupper(),
  ];
}

function wholeRow({ columns, bias, gate }: ScaledRowsOptions): Code {
  const next = new Label();
  const vectors = columns % (AT_ONCE * LANES) === 0 ? AT_ONCE : 1;
  const places = Array.from({ length: vectors }, (_, index) => ({
    value: zmm(index),
    offset: 64 * index,
  }));
  return [
    mov(PLACE, 0),
    next,
    places.map(({ value, offset }) =>
      bias
        ? [
            vmovups(value, at(FROM, offset, { index: PLACE, scale: 4 })),
            vfmadd213ps(value, FACTOR, at(BIAS, offset, { index: PLACE, scale: 4 })),
          ]
        : vmulps(value, FACTOR, at(FROM, offset, { index: PLACE, scale: 4 })),
    ),
    gate === undefined ? [] : places.map(({ value }) => gated(value, gate)),
    places.map(({ value, offset }) => vmovups(at(TO, offset, { index: PLACE, scale: 4 }), value)),
    add(PLACE, LANES * vectors),
    cmp(PLACE, columns),
    jumpIf('ne', next),
  ];
}

/** value = value / (1 + exp(-(linear·value + cubic·value³))). */
function gated(value: Vector, gate: Gate): Code {
  const { linear, cubic } = GATES[gate];
  const exponent = zmm(8 + value.number);
  const registers = {
    value: exponent,
    least: LEAST,
    whole: zmm(16 + value.number),
    power: zmm(20 + value.number),
  };
  return [
    cubic === 0
      ? vmulps(exponent, value, everywhere(-linear * Math.LOG2E))
      : [
          vmulps(exponent, value, value),
          vmulps(exponent, exponent, everywhere(-cubic * Math.LOG2E)),
          vaddps(exponent, exponent, everywhere(-linear * Math.LOG2E)),
          vmulps(exponent, exponent, value),
        ],
    vbroadcastss(registers.whole, floats(LARGEST_EXPONENT)),
    vminps(exponent, registers.whole, exponent),
    powerOfTwo(registers),
    vaddps(exponent, exponent, everywhere(1)),
    vdivps(value, value, exponent),
  ];
}

/** Its power is infinite already, and what is divided by that is zero; ∞ itself has no fraction to compute with. */
const LARGEST_EXPONENT = 200;
