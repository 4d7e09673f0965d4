import {
  add,
  and,
  at,
  type Code,
  cmp,
  imul,
  jumpIf,
  Label,
  lea,
  mov,
  r8,
  r9,
  r10,
  r11,
  r12,
  r15,
  rax,
  rdi,
  shl,
  shr,
  store32,
  sub,
} from '@diptych/machine-code';
import { attendPart, PART, PART_BITS } from './attend-part.ts';
import { findRow, LOCALS, OUTPUTS, runTasks } from './attention-frame.ts';
import type { AttentionSizes } from './attention-sizes.ts';
import { joinParts } from './join-parts.ts';
import { LANES } from './lane-sums.ts';
import type { Frame } from './operator-code.ts';

/** Floats of keys and values that one thread is done with before another has woken up. */
const FEW_FLOATS = 64 * 1024;

/** Partial results that one thread joins before another has woken up. */
const FEW_PARTIALS = 1024;

/**
 * Attention of each new row by itself: parts of the cache first, each read once for all query heads that share it, and
 * then what they have given. A part is `PART` positions from a multiple of it, so what a row becomes depends neither on
 * other rows nor on threads.
 *
 * Reads rotated queries from the output's memory and the cache with the new rows in it, and leaves the result in place
 * of the queries. Source: flash-decoding (Dao and others, 2023).
 */
export function decodeAttention(frame: Frame, sizes: AttentionSizes): Code {
  return [
    findParts(frame, sizes),
    mov(r12, frame.local(LOCALS.parts)),
    imul(r12, r12, sizes.kvHeads),
    runTasks(frame, {
      count: r12,
      work: [mov(rax, frame.local(LOCALS.positions)), imul(rax, rax, 2 * sizes.kvHeads * sizes.headDim)],
      few: FEW_FLOATS,
      task: attendPart(frame, sizes),
    }),
    mov(r12, frame.local(LOCALS.rows)),
    imul(r12, r12, sizes.heads),
    runTasks(frame, {
      count: r12,
      work: [mov(rax, frame.local(LOCALS.parts)), imul(rax, rax, sizes.heads)],
      few: FEW_PARTIALS,
      task: joinParts(frame, sizes),
    }),
  ];
}

/**
 * Counts what `decodeAttention` has to do, and leaves in rax how many floats of workspace it needs: for each row the
 * number of its first part, as an integer of 32 bits, and behind the last row the number of all parts; then partial
 * results.
 */
export function decodeWorkspace(frame: Frame, sizes: AttentionSizes): Code {
  return [
    mov(r12, 0),
    mov(r15, 0),
    eachRow(frame, sizes, [add(r15, rdi), sub(r15, r11), countParts(), add(r12, rax)]),
    mov(frame.local(LOCALS.parts), r12),
    mov(frame.local(LOCALS.positions), r15),
    imul(r12, r12, (sizes.heads * sizes.partialBytes) / 4),
    tableFloats(frame),
    add(rax, r12),
  ];
}

/** Fills the table of first parts. */
function findParts(frame: Frame, sizes: AttentionSizes): Code {
  return [
    mov(r15, frame.output(OUTPUTS.workspace)),
    tableFloats(frame),
    shl(rax, 2),
    add(rax, r15),
    mov(frame.local(LOCALS.partials), rax),
    mov(r12, 0),
    eachRow(frame, sizes, [store32(at(r15), r12), countParts(), add(r12, rax), add(r15, 4)]),
    store32(at(r15), r12),
  ];
}

/** Into rax: an entry for each row and one more, filled to vectors. */
function tableFloats(frame: Frame): Code {
  return [mov(rax, frame.local(LOCALS.rows)), add(rax, LANES), and(rax, -LANES)];
}

/** Runs code for each new row, with what `findRow` finds. It leaves r8 as it is. */
function eachRow(frame: Frame, sizes: AttentionSizes, code: Code): Code {
  const next = new Label();
  return [
    mov(r8, 0),
    next,
    mov(r10, r8),
    findRow(frame, sizes),
    code,
    add(r8, 1),
    cmp(r8, frame.local(LOCALS.rows)),
    jumpIf('b', next),
  ];
}

/** Into rax: the parts that positions from r11 to rdi lie in. Changes r9. */
function countParts(): Code {
  return [lea(rax, at(rdi, PART - 1)), shr(rax, PART_BITS), mov(r9, r11), shr(r9, PART_BITS), sub(rax, r9)];
}
