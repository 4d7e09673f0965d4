import {
  add,
  at,
  broadcast,
  type Code,
  div,
  floats,
  imul,
  jumpIf,
  Label,
  load32,
  mov,
  r8,
  r9,
  r10,
  r11,
  rax,
  rcx,
  rdi,
  rdx,
  rsi,
  sub,
  vbroadcastss,
  vdivps,
  vfmadd231ps,
  vmaxps,
  vmovups,
  vmulps,
  vpxord,
  vsubps,
  vzeroupper,
  zmm,
} from '@diptych/machine-code';
import { LOCALS, OUTPUTS } from './attention-frame.ts';
import type { AttentionSizes } from './attention-sizes.ts';
import { LEAST_EXPONENT, powerOfTwo } from './exponential.ts';
import type { Frame } from './operator-code.ts';

const LARGEST = zmm(0);
const SUM = zmm(1);
const WEIGHT = zmm(2);
const LEAST = zmm(3);
const SCALE = zmm(4);

/** A row's head, `rsi` of all rows' heads: the outputs of its parts, weighed by their largest scores. */
export function joinParts(frame: Frame, sizes: AttentionSizes): Code {
  const { heads, headBytes, partialBytes, vectors, exponentScale } = sizes;
  const output = Array.from({ length: vectors }, (_, index) => zmm(16 + index));
  const next = new Label();
  return [
    mov(rax, rsi),
    mov(rdx, 0),
    mov(rcx, heads),
    div(rcx),
    mov(r9, frame.output(OUTPUTS.workspace)),
    load32(r10, at(r9, 0, { index: rax, scale: 4 })),
    load32(r11, at(r9, 4, { index: rax, scale: 4 })),
    sub(r11, r10),
    imul(r10, r10, heads),
    add(r10, rdx),
    imul(r10, r10, partialBytes),
    add(r10, frame.local(LOCALS.partials)),
    imul(rdi, rsi, headBytes),
    add(rdi, frame.output(OUTPUTS.rows)),
    findLargest(sizes),
    vbroadcastss(LEAST, floats(LEAST_EXPONENT)),
    vbroadcastss(SCALE, floats(exponentScale)),
    [SUM, ...output].map((vector) => vpxord(vector, vector, vector)),
    next,
    vbroadcastss(WEIGHT, at(r10, headBytes)),
    vsubps(WEIGHT, WEIGHT, LARGEST),
    vmulps(WEIGHT, WEIGHT, SCALE),
    powerOfTwo({ value: WEIGHT, least: LEAST, whole: zmm(5), power: zmm(6) }),
    vfmadd231ps(SUM, WEIGHT, broadcast(at(r10, headBytes + 4))),
    output.map((vector, index) => vfmadd231ps(vector, WEIGHT, at(r10, 64 * index))),
    add(r10, heads * partialBytes),
    sub(r11, 1),
    jumpIf('ne', next),
    output.map((vector, index) => [vdivps(vector, vector, SUM), vmovups(at(rdi, 64 * index), vector)]),
    vzeroupper(),
  ];
}

/** The largest score of all parts, in every lane. Leaves r10 and r11 as they are. */
function findLargest({ heads, headBytes, partialBytes }: AttentionSizes): Code {
  const next = new Label();
  return [
    mov(r8, r10),
    mov(rcx, r11),
    vbroadcastss(LARGEST, at(r8, headBytes)),
    next,
    vmaxps(LARGEST, LARGEST, broadcast(at(r8, headBytes))),
    add(r8, heads * partialBytes),
    sub(rcx, 1),
    jumpIf('ne', next),
  ];
}
