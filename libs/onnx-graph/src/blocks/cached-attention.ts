import { cachedAttentionName, hasCachedAttention } from '@diptych/kernels';
import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { roundsActivations } from '../weights/weight-format.ts';
import {
  type GroupQueryAttention,
  type GroupQueryAttentionOptions,
  groupQueryAttention,
} from './group-query-attention.ts';
import type { RotaryEmbedding } from './rotary-embedding.ts';

/** Inputs and sizes of a decoder's attention, with what its code is made for. */
export interface CachedAttentionOptions extends GroupQueryAttentionOptions {
  readonly headDim: number;
  readonly rotary: RotaryEmbedding;
}

/**
 * `groupQueryAttention`, where weights are in few bits as an operator that there is code for on some processors: it
 * reads the cache once for all heads of a group, and takes products of bfloat16 in steps of several rows.
 */
export function cachedAttention(graph: GraphBuilder, options: CachedAttentionOptions): GroupQueryAttention {
  const { qkv, pastKey, pastValue, seqlensK, rotary, headDim } = options;
  const sizes = { ...options, scale: options.scale ?? 1 / Math.sqrt(headDim) };
  if (!roundsActivations(graph.weights) || !hasCachedAttention(sizes))
    return groupQueryAttention(graph, options);
  const inputs = [qkv, pastKey, pastValue, seqlensK, rotary.cos, rotary.sin] as const;
  const [output, presentKey, presentValue] = graph.operator(
    cachedAttentionName(sizes),
    inputs,
    (body, [packed, keys, values, lastPositions, cos, sin]) => {
      const attended = groupQueryAttention(body, {
        ...sizes,
        qkv: packed,
        pastKey: keys,
        pastValue: values,
        seqlensK: lastPositions,
        totalSequenceLength: longest(body, lastPositions),
        rotary: { cos, sin },
      });
      return [attended.output, attended.presentKey, attended.presentValue, noWorkspace(body)] as const;
    },
  );
  return { output, presentKey, presentValue };
}

/** Memory that the operator's code works in; ONNX Runtime's own operators need none. */
export function noWorkspace(body: GraphBuilder): Value {
  return body.constant('float32', [0], []);
}

/** int32 [1]: the largest of the last positions, plus one. */
function longest(graph: GraphBuilder, lastPositions: Value): Value {
  const largest = graph.op('ReduceMax', [lastPositions], { keepdims: 1 });
  return graph.op('Add', [largest, graph.constant('int32', [1], [1])]);
}
