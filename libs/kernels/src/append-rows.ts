import {
  add,
  at,
  type Code,
  type General,
  imul,
  jumpIf,
  Label,
  mov,
  r8,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  rax,
  rcx,
  rdi,
  rsi,
  sub,
  type Vector,
  vfmadd231ps,
  vfnmadd231ps,
  vmovups,
  vmulps,
  vzeroupper,
  ymm,
  zmm,
} from '@diptych/machine-code';
import { findRow, INPUTS, LOCALS, OUTPUTS, runTasks } from './attention-frame.ts';
import type { AttentionSizes } from './attention-sizes.ts';
import type { Frame } from './operator-code.ts';

/** Floats that one thread rotates before another has woken up. */
const FEW_FLOATS = 64 * 1024;

/** The new rows: queries rotated into the output's memory, keys rotated and values copied into the cache. */
export function appendRows(frame: Frame, sizes: AttentionSizes): Code {
  const { heads, kvHeads, headDim } = sizes;
  return [
    mov(rax, frame.local(LOCALS.rows)),
    runTasks(frame, {
      count: rax,
      work: imul(rax, rax, (heads + 2 * kvHeads) * headDim),
      few: FEW_FLOATS,
      task: appendRow(frame, sizes),
    }),
  ];
}

/** Of the row that is rotated: what is read, cosines and sines of its position, what is written. */
const FROM = r8;
const COS = r12;
const SIN = r13;
const TO = r14;

function appendRow(frame: Frame, sizes: AttentionSizes): Code {
  const { heads, kvHeads, headBytes } = sizes;
  return [
    mov(r10, rsi),
    findRow(frame, sizes),
    sub(rdi, 1),
    imul(FROM, r10, (heads + 2 * kvHeads) * headBytes),
    add(FROM, frame.input(INPUTS.qkv)),
    imul(COS, rdi, headBytes / 2),
    mov(SIN, COS),
    add(COS, frame.input(INPUTS.cos)),
    add(SIN, frame.input(INPUTS.sin)),
    imul(TO, r10, heads * headBytes),
    add(TO, frame.output(OUTPUTS.rows)),
    mov(r11, headBytes),
    eachHead(heads, r11, rotateHead(sizes)),
    // The place of the new row in the cache, and the bytes from a head to the next.
    mov(r11, frame.dimension(INPUTS.pastKey, 2)),
    imul(rcx, rcx, kvHeads),
    imul(rcx, r11),
    add(rcx, rdi),
    imul(rcx, rcx, headBytes),
    imul(r11, r11, headBytes),
    mov(TO, frame.output(OUTPUTS.presentKey)),
    add(TO, rcx),
    eachHead(kvHeads, r11, rotateHead(sizes)),
    mov(TO, frame.output(OUTPUTS.presentValue)),
    add(TO, rcx),
    eachHead(kvHeads, r11, copyHead(sizes)),
    vzeroupper(),
  ];
}

/** A count of heads, which are written `step` bytes apart. */
function eachHead(count: number, step: General, code: Code): Code {
  const next = new Label();
  return [mov(r15, count), next, code, add(TO, step), sub(r15, 1), jumpIf('ne', next)];
}

/** first' = first × cos - second × sin, second' = second × cos + first × sin, of the halves of a head. */
function rotateHead({ headDim, headBytes }: AttentionSizes): Code {
  const half = headBytes / 2;
  const register = half % 64 === 0 ? zmm : ymm;
  const step = register(0).bits / 8;
  const [first, second, cos, sin] = [register(0), register(1), register(2), register(3)];
  const result: Vector = register(4);
  return [
    Array.from({ length: half / step }, (_, index) => index * step).map((offset) => [
      vmovups(first, at(FROM, offset)),
      vmovups(second, at(FROM, half + offset)),
      vmovups(cos, at(COS, offset)),
      vmovups(sin, at(SIN, offset)),
      vmulps(result, first, cos),
      vfnmadd231ps(result, second, sin),
      vmovups(at(TO, offset), result),
      vmulps(result, second, cos),
      vfmadd231ps(result, first, sin),
      vmovups(at(TO, half + offset), result),
    ]),
    add(FROM, 4 * headDim),
  ];
}

function copyHead({ vectors, headBytes }: AttentionSizes): Code {
  return [
    Array.from({ length: vectors }, (_, index) => [
      vmovups(zmm(0), at(FROM, 64 * index)),
      vmovups(at(TO, 64 * index), zmm(0)),
    ]),
    add(FROM, headBytes),
  ];
}
