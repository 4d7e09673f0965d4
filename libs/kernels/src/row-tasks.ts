import {
  add,
  type Code,
  cmp,
  div,
  type General,
  imul,
  mov,
  moveIf,
  r8,
  r9,
  rax,
  rdx,
  rsi,
  sub,
} from '@diptych/machine-code';
import type { Frame } from './operator-code.ts';

/** Rows of a task: enough to be worth a thread's while. */
const TASK_ROWS = 8;

/** Bytes of a frame's locals that these functions use: the number of rows. */
export const ROW_LOCALS = 8;

/** Runs a task for each few rows of the first input, which is of rank `any` and has `columns` elements in a row. */
export function forRows(frame: Frame, columns: number, task: Code): Code {
  return [
    frame.countElements(0),
    divideBy(columns),
    mov(frame.local(0), rax),
    add(rax, TASK_ROWS - 1),
    divideBy(TASK_ROWS),
    mov(r9, rax),
    frame.parallel(r9, task),
  ];
}

/** At the beginning of a task: its first row into rsi, the number of its rows into `count`. Changes rax. */
export function rowsOfTask(frame: Frame, count: General): Code {
  return [
    imul(rsi, rsi, TASK_ROWS),
    mov(count, frame.local(0)),
    sub(count, rsi),
    mov(rax, TASK_ROWS),
    cmp(count, rax),
    moveIf('a', count, rax),
  ];
}

function divideBy(divisor: number): Code {
  return [mov(r8, divisor), mov(rdx, 0), div(r8)];
}
