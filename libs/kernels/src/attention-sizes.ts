import assert from 'node:assert/strict';
import { LANES } from './lane-sums.ts';

/** Sizes of a decoder's attention. */
export interface CachedAttentionOptions {
  readonly heads: number;
  /** Heads of keys and values; `heads` is a multiple of it. */
  readonly kvHeads: number;
  /** Elements of a head, a multiple of 16 up to 256. */
  readonly headDim: number;
  /** Factor on the scores, above zero. */
  readonly scale: number;
  /** How many positions a token sees, itself among them; all where left out. */
  readonly slidingWindow?: number | undefined;
}

/** The same, and what follows from it. */
export interface AttentionSizes extends CachedAttentionOptions {
  /** Query heads that share a head of keys and values. */
  readonly group: number;
  /** Vectors of a head. */
  readonly vectors: number;
  /** Bytes of a head. */
  readonly headBytes: number;
  /** What makes an exponent of two of a score: `scale` and e's logarithm. */
  readonly exponentScale: number;
  /** Bytes of what a part gives for a head: its output, its largest score and its sum of weights, filled to vectors. */
  readonly partialBytes: number;
}

/** Most elements of a head: as many vectors as fit beside others into the registers. */
const MOST_HEAD_DIM = 256;

/** Whether there is code for these sizes. */
export function hasCachedAttention({ heads, kvHeads, headDim, scale }: CachedAttentionOptions): boolean {
  return heads % kvHeads === 0 && headDim % LANES === 0 && headDim <= MOST_HEAD_DIM && scale > 0;
}

/** @throws AssertionError where there is no code for these sizes. */
export function attentionSizes(options: CachedAttentionOptions): AttentionSizes {
  assert.ok(hasCachedAttention(options));
  const { heads, kvHeads, headDim, scale } = options;
  return {
    ...options,
    group: heads / kvHeads,
    vectors: headDim / LANES,
    headBytes: 4 * headDim,
    exponentScale: scale * Math.LOG2E,
    partialBytes: 4 * (headDim + LANES),
  };
}
