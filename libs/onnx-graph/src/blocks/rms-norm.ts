import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { floatWeight } from './float-weight.ts';

/** Parameters of a root-mean-square normalisation. */
export interface RmsNormOptions {
  /** Shape [hidden]. */
  readonly weight: WeightSource;
  /** `rms_norm_eps` of the configuration. */
  readonly epsilon: number;
}

/**
 * x / √(mean(x²) + ε) · w over the last dimension: ONNX Runtime's `SimplifiedLayerNormalization`, transformers'
 * LlamaRMSNorm.
 */
export function rmsNorm(graph: GraphBuilder, input: Value, { weight, epsilon }: RmsNormOptions): Value {
  const inputs = [input, floatWeight(graph, weight)];
  return graph.op('SimplifiedLayerNormalization', inputs, { axis: -1, epsilon: { float: epsilon } });
}

/**
 * Adds a residual branch and normalises the sum in one pass: com.microsoft `SkipSimplifiedLayerNormalization`.
 * `sum` is the new residual stream, `normalized` what the next block reads.
 */
export function skipRmsNorm(
  graph: GraphBuilder,
  input: Value,
  skip: Value,
  { weight, epsilon }: RmsNormOptions,
): { readonly normalized: Value; readonly sum: Value } {
  const [normalized, , , sum] = graph.op(
    'SkipSimplifiedLayerNormalization',
    [input, skip, floatWeight(graph, weight)],
    { epsilon: { float: epsilon } },
    { domain: 'com.microsoft', outputs: 4, names: [undefined, '', ''] },
  );
  return { normalized, sum };
}
