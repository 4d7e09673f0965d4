import {
  add,
  at,
  type Code,
  call,
  cmp,
  div,
  type General,
  jmp,
  jumpIf,
  Label,
  loadSigned32,
  mov,
  moveIf,
  r9,
  r10,
  r11,
  rax,
  rcx,
  rdi,
  rdx,
  ret,
  rsi,
  sub,
} from '@diptych/machine-code';
import type { AttentionSizes } from './attention-sizes.ts';
import type { Frame } from './operator-code.ts';

/** Inputs of the operator by their numbers. */
export const INPUTS = { qkv: 0, pastKey: 1, pastValue: 2, seqlensK: 3, cos: 4, sin: 5 } as const;

/** Outputs of the operator by their numbers. */
export const OUTPUTS = { rows: 0, presentKey: 1, presentValue: 2, workspace: 3 } as const;

/** Room of the frame, in bytes. */
export const LOCALS = {
  /** New rows of all sequences. */
  rows: 0,
  /** Parts of all rows. */
  parts: 8,
  /** Positions that all rows see. */
  positions: 16,
  /** Floats of the workspace. */
  workspace: 24,
  /** Where partial results begin in it. */
  partials: 32,
  /** Tasks that are run one after the other: how many, and which one is next. */
  tasks: 40,
  nextTask: 48,
} as const;

/** Bytes of all of it. */
export const LOCALS_BYTES = 56;

/**
 * Of the new row whose number is in r10: its sequence into rcx, the positions up to its own into rdi, and into r11 how
 * many of them lie before those that it sees. Changes rax, rdx and r9.
 */
export function findRow(frame: Frame, { slidingWindow }: AttentionSizes): Code {
  return [
    mov(rax, r10),
    mov(rdx, 0),
    mov(r9, frame.dimension(INPUTS.qkv, 1)),
    div(r9),
    mov(rcx, rax),
    mov(rax, frame.input(INPUTS.seqlensK)),
    loadSigned32(rdi, at(rax, 0, { index: rcx, scale: 4 })),
    add(rdi, 2),
    sub(rdi, r9),
    add(rdi, rdx),
    mov(r11, 0),
    slidingWindow === undefined ? [] : [mov(rax, rdi), sub(rax, slidingWindow), moveIf('g', r11, rax)],
  ];
}

/** Where tasks run: side by side, or one after the other where that is done before other threads have woken up. */
export interface TasksOptions {
  /** How many there are: a register other than rdi, rsi and rcx. */
  readonly count: General;
  /** What they have to do in all, in any unit. */
  readonly work: Code;
  /** In rax after `work`: so much is done at once. */
  readonly few: number;
  /** The number of the task is in rsi, the frame in rbp; it may change every register but rsp, rbp and rbx. */
  readonly task: Code;
}

/** Runs tasks to their end. Changes every register but rbx and rbp. */
export function runTasks(frame: Frame, { count, work, few, task }: TasksOptions): Code {
  const [start, body, sideBySide, next, end] = [
    new Label(),
    new Label(),
    new Label(),
    new Label(),
    new Label(),
  ];
  return [
    jmp(start),
    body,
    task,
    ret(),
    start,
    mov(frame.local(LOCALS.tasks), count),
    work,
    cmp(rax, few),
    jumpIf('a', sideBySide),
    mov(rsi, 0),
    next,
    cmp(rsi, frame.local(LOCALS.tasks)),
    jumpIf('ae', end),
    mov(frame.local(LOCALS.nextTask), rsi),
    call(body),
    mov(rsi, frame.local(LOCALS.nextTask)),
    add(rsi, 1),
    jmp(next),
    sideBySide,
    mov(rax, frame.local(LOCALS.tasks)),
    frame.parallel(rax, call(body)),
    end,
  ];
}
