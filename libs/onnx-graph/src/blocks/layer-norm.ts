import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { floatWeight } from './float-weight.ts';

/** Parameters of a layer normalisation. */
export interface LayerNormOptions {
  /** Shape [hidden]. */
  readonly weight: WeightSource;
  /** Shape [hidden]. */
  readonly bias: WeightSource;
  /** `layer_norm_eps` of the configuration. */
  readonly epsilon: number;
}

/** Layer normalisation over the last dimension: ONNX `LayerNormalization`, torch.nn.LayerNorm. */
export function layerNorm(
  graph: GraphBuilder,
  input: Value,
  { weight, bias, epsilon }: LayerNormOptions,
): Value {
  const inputs = [input, floatWeight(graph, weight), floatWeight(graph, bias)];
  return graph.op('LayerNormalization', inputs, { axis: -1, epsilon: { float: epsilon } });
}
