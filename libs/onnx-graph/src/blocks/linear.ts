import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { floatWeight, type WeightSource } from './weight-source.ts';

/** How the weights of linear layers are stored and multiplied. */
export type WeightFormat = 'float32';

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
export function linear(
  graph: GraphBuilder,
  input: Value,
  { weight, bias }: LinearWeights,
  format: WeightFormat = 'float32',
): Value {
  const product = PRODUCTS[format](graph, input, weight);
  return bias ? graph.op('Add', [product, floatWeight(graph, bias)]) : product;
}

type Product = (graph: GraphBuilder, input: Value, weight: WeightSource) => Value;

const PRODUCTS: Record<WeightFormat, Product> = {
  float32: (graph, input, weight) =>
    graph.op('FusedMatMul', [input, floatWeight(graph, weight)], { transB: 1 }, { domain: 'com.microsoft' }),
};
