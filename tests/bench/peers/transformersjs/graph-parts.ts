import type { Checkpoint } from '@diptych/checkpoint';
import { floatWeight, type GraphBuilder, type Value, type WeightSource } from '@diptych/onnx-graph';
import type { Json, Shape } from '../../shapes/shape.ts';

/** Precisions of an export by the library's own names, `dtype` of `from_pretrained`. */
export type PeerPrecision = 'fp32' | 'q8';

/** What the graphs of an export are made of. */
export interface ExportSource {
  readonly shape: Shape;
  readonly checkpoint: Checkpoint;
  readonly precision: PeerPrecision;
}

/** A tensor of the checkpoint by its full name. */
export function tensor({ checkpoint }: ExportSource, name: string, shape: readonly number[]): WeightSource {
  return { name, shape, parts: [{ ...checkpoint.weights.locate(name, shape), tensor: name }] };
}

/**
 * x·Wᵀ + b. In q8 it is `DynamicQuantizeMatMul` over signed bytes with a scale for each output, which is what ONNX
 * Runtime makes of its own dynamic quantisation (`quantize_dynamic`, as the library's conversion script uses it) when
 * it loads a graph.
 */
export function linear(
  graph: GraphBuilder,
  input: Value,
  { precision, weight, bias }: { precision: PeerPrecision; weight: WeightSource; bias?: WeightSource },
): Value {
  const offset = bias && floatWeight(graph, bias);
  if (precision === 'fp32') {
    const product = graph.op('FusedMatMul', [input, floatWeight(graph, weight)], { transB: 1 }, MICROSOFT);
    return offset ? graph.op('Add', [product, offset]) : product;
  }
  const [codes, scales] = graph.weight(weight, 'int8');
  return graph.op('DynamicQuantizeMatMul', [input, codes, scales, undefined, offset], {}, MICROSOFT);
}

/** Domain of ONNX Runtime's own operators. */
export const MICROSOFT = { domain: 'com.microsoft' } as const;

/** int64 [n] of the graph. */
export function int64(graph: GraphBuilder, ...values: number[]): Value {
  return graph.constant('int64', [values.length], values);
}

/** A number of `text_config`, or a default. */
export function textNumber({ files }: Shape, field: string, fallback: number): number {
  const value = (files['config.json']?.['text_config'] as Json | undefined)?.[field];
  return typeof value === 'number' ? value : fallback;
}
