import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';

/** Projected inputs of an attention, each [batch, length, heads × headDim]. */
export interface MultiHeadAttentionOptions {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  readonly heads: number;
  /** Factor on the scores; 1/√headDim where left out. */
  readonly scale?: number;
  /** Added to the scores, [batch or 1, heads or 1, length, length]: large negative numbers hide positions. */
  readonly bias?: Value;
}

/**
 * Bidirectional attention of a vision tower, before its output projection: [batch, length, heads × headDim].
 * com.microsoft `MultiHeadAttention`; transformers' SiglipAttention and CLIPAttention. Query, key and value stay
 * separate: the CPU kernel takes no packed form.
 */
export function multiHeadAttention(
  graph: GraphBuilder,
  { query, key, value, heads, scale, bias }: MultiHeadAttentionOptions,
): Value {
  const attributes = { num_heads: heads, scale: scale === undefined ? undefined : { float: scale } };
  const inputs = bias ? [query, key, value, undefined, undefined, bias] : [query, key, value];
  return graph.op('MultiHeadAttention', inputs, attributes, { domain: 'com.microsoft' });
}
