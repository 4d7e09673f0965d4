import {
  add,
  at,
  type Code,
  cmp,
  imul,
  jumpIf,
  Label,
  mov,
  rax,
  rcx,
  rdi,
  rsi,
  vmovups,
  ymm,
} from '@diptych/machine-code';
import { OUTPUTS } from '../../attention-frame.ts';
import type { CachedAttentionOptions } from '../../attention-sizes.ts';
import type { Frame, OperatorCode } from '../../operator-code.ts';
import { PREFILL_LOCALS_BYTES, prefillAttention, prefillWorkspace } from '../prefill-attention.ts';

/**
 * An operator of nothing but `prefillAttention`: its first input [B, L, heads × headDim] has queries that are already
 * rotated, its cache the new rows.
 */
export function prefillOperator(options: CachedAttentionOptions): OperatorCode {
  const { heads, kvHeads, headDim, scale, slidingWindow = 0 } = options;
  return {
    name: ['SpecPrefill', heads, kvHeads, headDim, scale, slidingWindow].join('_'),
    inputs: [
      { type: 'float32', rank: 3 },
      { type: 'float32', rank: 4 },
      { type: 'float32' },
      { type: 'int32' },
    ],
    outputs: ['float32', 'float32', 'float32', 'float32'],
    locals: PREFILL_LOCALS_BYTES + 8,
    compute: (frame) => compute(frame, options),
  };
}

function compute(frame: Frame, options: CachedAttentionOptions): Code {
  const { heads, headDim } = options;
  const floats = frame.local(PREFILL_LOCALS_BYTES);
  const [batch, length] = [frame.dimension(0, 0), frame.dimension(0, 1)];
  return [
    frame.makeOutput(OUTPUTS.rows, [batch, length, heads * headDim]),
    frame.makeOutput(OUTPUTS.presentKey, [1]),
    frame.makeOutput(OUTPUTS.presentValue, [1]),
    prefillWorkspace(frame, { ...options, locals: 0 }),
    mov(floats, rax),
    frame.makeOutput(OUTPUTS.workspace, [floats]),
    copyQueries(frame, heads * headDim),
    prefillAttention(frame, { ...options, locals: 0 }),
  ];
}

function copyQueries(frame: Frame, rowElements: number): Code {
  const next = new Label();
  const part = ymm(0);
  return [
    mov(rax, frame.dimension(0, 0)),
    imul(rax, frame.dimension(0, 1)),
    imul(rax, rax, 4 * rowElements),
    mov(rsi, frame.input(0)),
    mov(rdi, frame.output(0)),
    mov(rcx, 0),
    next,
    vmovups(part, at(rsi, 0, { index: rcx })),
    vmovups(at(rdi, 0, { index: rcx }), part),
    add(rcx, 32),
    cmp(rcx, rax),
    jumpIf('b', next),
  ];
}
