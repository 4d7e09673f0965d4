import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { type LinearOptions, type LinearWeights, linear } from './linear.ts';

/** Projections of a gated MLP. */
export interface GatedMlpOptions {
  /** [intermediate, hidden]. */
  readonly gate: LinearWeights;
  /** [intermediate, hidden]. */
  readonly up: LinearWeights & LinearOptions;
  /** [out, intermediate]. */
  readonly down: LinearWeights & LinearOptions;
  /** Name in a Hugging Face configuration, as `activation` takes it. */
  readonly activation: string;
}

/** down(act(gate(x)) · up(x)): transformers' LlamaMLP. [..., hidden] -> [..., out]. */
export function gatedMlp(graph: GraphBuilder, input: Value, options: GatedMlpOptions): Value {
  const gate = linear(graph, input, options.gate, { activation: options.activation });
  const up = linear(graph, input, options.up, options.up);
  const gated = graph.op('Mul', [gate, up]);
  return linear(graph, gated, options.down, options.down);
}
