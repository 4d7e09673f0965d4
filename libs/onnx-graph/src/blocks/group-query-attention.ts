import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import type { RotaryEmbedding } from './rotary-embedding.ts';

/** Inputs and sizes of a decoder's attention. */
export interface GroupQueryAttentionOptions {
  /** Packed projections [batch, length, (heads + 2 × kvHeads) × headDim]: queries, then keys, then values. */
  readonly qkv: Value;
  readonly heads: number;
  readonly kvHeads: number;
  /** Factor on the scores; 1/√headDim where left out. */
  readonly scale?: number;
  /** Cosines and sines; without them no rotation is applied. The kernel then wants headDim a multiple of 16. */
  readonly rotary?: RotaryEmbedding;
  /** How many positions a token sees, itself among them (Mistral's `sliding_window`); all where left out. */
  readonly slidingWindow?: number;
  /** Cache [batch, kvHeads, capacity, headDim]. */
  readonly pastKey: Value;
  /** Cache [batch, kvHeads, capacity, headDim]. */
  readonly pastValue: Value;
  /** int32 [batch]: total length of each sequence after this step, minus one. */
  readonly seqlensK: Value;
  /** int32 [1]: the largest total length in the batch. */
  readonly totalSequenceLength: Value;
}

/** What a decoder's attention yields. */
export interface GroupQueryAttention {
  /** [batch, length, heads × headDim], before the output projection. */
  readonly output: Value;
  /** The cache with this step's keys; bind it to the buffer of `pastKey` and the kernel writes in place. */
  readonly presentKey: Value;
  /** The cache with this step's values; bind it to the buffer of `pastValue`. */
  readonly presentValue: Value;
}

/**
 * Causal attention of a decoder over a KV cache, with rotary embedding and grouped key-value heads: com.microsoft
 * `GroupQueryAttention` with packed projections; transformers' LlamaAttention and MistralAttention.
 *
 * The CPU kernel takes a step of several positions after a non-empty cache for one sequence only (batch 1), and
 * several sequences of any lengths in a step of one position each.
 */
export function groupQueryAttention(
  graph: GraphBuilder,
  options: GroupQueryAttentionOptions,
): GroupQueryAttention {
  const { qkv, pastKey, pastValue, seqlensK, totalSequenceLength, rotary } = options;
  const [output, presentKey, presentValue] = graph.op(
    'GroupQueryAttention',
    [qkv, undefined, undefined, pastKey, pastValue, seqlensK, totalSequenceLength, rotary?.cos, rotary?.sin],
    attributes(options),
    { domain: 'com.microsoft', outputs: 3 },
  );
  return { output, presentKey, presentValue };
}

function attributes({ heads, kvHeads, scale, rotary, slidingWindow }: GroupQueryAttentionOptions) {
  return {
    num_heads: heads,
    kv_num_heads: kvHeads,
    scale: scale === undefined ? undefined : { float: scale },
    do_rotary: rotary ? 1 : 0,
    local_window_size: slidingWindow,
  };
}
