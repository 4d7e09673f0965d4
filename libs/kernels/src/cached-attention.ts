import { type Code, cmp, imul, jmp, jumpIf, Label, type Memory, mov, rax } from '@diptych/machine-code';
import { appendRows } from './append-rows.ts';
import { INPUTS, LOCALS, LOCALS_BYTES, OUTPUTS } from './attention-frame.ts';
import { type AttentionSizes, attentionSizes, type CachedAttentionOptions } from './attention-sizes.ts';
import { decodeAttention, decodeWorkspace } from './decode-attention.ts';
import { floatBits, floatOfBits } from './float-bits.ts';
import type { Frame, OperatorCode } from './operator-code.ts';
import {
  PREFILL_LOCALS_BYTES,
  prefillAttention,
  prefillWorkspace,
} from './tile-attention/prefill-attention.ts';

/** Name of the operator for these sizes: the scale as its bits, then the window where there is one. */
export function cachedAttentionName(options: CachedAttentionOptions): string {
  const { heads, kvHeads, headDim, scale, slidingWindow } = options;
  const sizes = [heads, kvHeads, headDim, floatBits(scale)];
  return ['CachedAttention', ...sizes, ...(slidingWindow === undefined ? [] : [slidingWindow])].join('_');
}

/** The sizes that numbers of a name tell, the bits of the scale as an integer. */
export function cachedAttentionSizes(numbers: readonly number[]): CachedAttentionOptions {
  const [heads = 0, kvHeads = 0, headDim = 0, scaleBits = 0, slidingWindow] = numbers;
  return { heads, kvHeads, headDim, scale: floatOfBits(scaleBits), slidingWindow };
}

/**
 * Causal attention of a decoder over a KV cache, with rotary embedding and grouped heads of keys and values, as
 * com.microsoft `GroupQueryAttention` has it: new rows stand at the end of a sequence and see what is before them.
 *
 * - inputs: float32 qkv [B, L, (heads + 2 × kvHeads) × headDim], queries, then keys, then values; keys and values of the
 *   cache [B, kvHeads, capacity, headDim]; int32 [B], positions of each sequence after this step, minus one; float32
 *   cosines and sines [positions, headDim / 2]
 * - outputs: float32 [B, L, heads × headDim]; the cache's keys and values, which must be bound to the memory of the
 *   inputs; a workspace [n], which is of no use to the graph
 *
 * Memory behind a sequence's end may hold anything. A row's result is the same to the last bit whatever runs beside it.
 */
export function cachedAttention(
  options: CachedAttentionOptions,
  { tiles }: CachedAttentionTarget,
): OperatorCode {
  const sizes = attentionSizes(options);
  return {
    name: cachedAttentionName(options),
    inputs: [
      { type: 'float32', rank: 3 },
      { type: 'float32', rank: 4 },
      { type: 'float32' },
      { type: 'int32' },
      { type: 'float32' },
      { type: 'float32' },
    ],
    outputs: ['float32', 'float32', 'float32', 'float32'],
    locals: PREFILL_LOCALS + PREFILL_LOCALS_BYTES,
    compute: (frame) => compute(frame, sizes, tiles),
  };
}

/** What the code may use of the processor. */
export interface CachedAttentionTarget {
  /** Products of tiles of bfloat16 for steps of several rows of a sequence; otherwise each row is for itself. */
  readonly tiles: boolean;
}

/** Where the frame's room for prefill begins. */
const PREFILL_LOCALS = LOCALS_BYTES;

function compute(frame: Frame, sizes: AttentionSizes, tiles: boolean): Code {
  const [batch, length] = [frame.dimension(INPUTS.qkv, 0), frame.dimension(INPUTS.qkv, 1)];
  const cache = [0, 1, 2, 3].map((axis) => frame.dimension(INPUTS.pastKey, axis));
  const prefill = { ...sizes, locals: PREFILL_LOCALS };
  const choose = (several: Code, single: Code) => (tiles ? byLength(length, several, single) : single);
  return [
    mov(rax, batch),
    imul(rax, length),
    mov(frame.local(LOCALS.rows), rax),
    frame.makeOutput(OUTPUTS.rows, [batch, length, sizes.heads * sizes.headDim]),
    frame.makeOutput(OUTPUTS.presentKey, cache),
    frame.makeOutput(OUTPUTS.presentValue, cache),
    choose(prefillWorkspace(frame, prefill), decodeWorkspace(frame, sizes)),
    mov(frame.local(LOCALS.workspace), rax),
    frame.makeOutput(OUTPUTS.workspace, [frame.local(LOCALS.workspace)]),
    appendRows(frame, sizes),
    choose(prefillAttention(frame, prefill), decodeAttention(frame, sizes)),
  ];
}

function byLength(length: Memory, several: Code, single: Code): Code {
  const [one, end] = [new Label(), new Label()];
  return [mov(rax, length), cmp(rax, 1), jumpIf('e', one), several, jmp(end), one, single, end];
}
