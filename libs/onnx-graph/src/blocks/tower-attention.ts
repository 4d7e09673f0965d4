import { hasTileAttention, tileAttentionName } from '@diptych/kernels';
import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { roundsActivations } from '../weights/weight-format.ts';
import { noWorkspace } from './cached-attention.ts';
import { type MultiHeadAttentionOptions, multiHeadAttention } from './multi-head-attention.ts';

/** Projected inputs of a tower's attention, all of the same rows. */
export interface TowerAttentionOptions extends Omit<MultiHeadAttentionOptions, 'bias'> {
  readonly headDim: number;
}

/**
 * `multiHeadAttention` of rows over themselves, where weights are in few bits as an operator that there is code for on
 * some processors, with products of bfloat16.
 */
export function towerAttention(graph: GraphBuilder, options: TowerAttentionOptions): Value {
  const { query, key, value, heads, headDim, scale = 1 / Math.sqrt(headDim) } = options;
  const sizes = { heads, headDim, scale };
  if (!roundsActivations(graph.weights) || !hasTileAttention(sizes))
    return multiHeadAttention(graph, options);
  const [output] = graph.operator(tileAttentionName(sizes), [query, key, value], (body, [q, k, v]) => {
    const attended = multiHeadAttention(body, { query: q, key: k, value: v, heads, scale });
    return [attended, noWorkspace(body)] as const;
  });
  return output;
}
