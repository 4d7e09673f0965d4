import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { floatWeight } from './float-weight.ts';

/** Weights of a linear layer, as PyTorch keeps them. */
export interface LinearWeights {
  /** Shape [out, in]. */
  readonly weight: WeightSource;
  /** Shape [out]. */
  readonly bias?: WeightSource | undefined;
}

/**
 * x·Wᵀ + b over the last dimension, as torch.nn.Linear: [..., in] -> [..., out].
 *
 * float32: com.microsoft `FusedMatMul` with `transB`, which reads W as it lies in the checkpoint; ONNX Runtime
 * packs it once on load, so nothing is transposed and a tied embedding is stored once.
 */
export function linear(graph: GraphBuilder, input: Value, { weight, bias }: LinearWeights): Value {
  const product = graph.op(
    'FusedMatMul',
    [input, floatWeight(graph, weight)],
    { transB: 1 },
    { domain: 'com.microsoft' },
  );
  return bias ? graph.op('Add', [product, floatWeight(graph, bias)]) : product;
}
