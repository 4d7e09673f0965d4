import {
  floatWeight,
  type GraphBuilder,
  gatedMlp,
  linear,
  multiHeadAttention,
  rmsNorm,
  type Value,
} from '@diptych/onnx-graph';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';
import type { PerceiverConfig } from './perceiver-config.ts';

/** How a perceiver resampler is put into a graph. */
export interface PerceiverOptions {
  readonly config: PerceiverConfig;
  /** Tensors of the resampler: `latents`, `layers`, `norm`. */
  readonly tensors: CheckpointTensors;
}

/**
 * Brings any number of rows to a fixed number of latents by cross attention: [tiles, rows, hidden] ->
 * [tiles, latents, hidden]. transformers' Idefics2PerceiverResampler (Perceiver, Jaegle et al. 2021) where every row
 * counts.
 */
export function perceiverResampler(
  graph: GraphBuilder,
  context: Value,
  { config, tensors }: PerceiverOptions,
): Value {
  let latents = startingLatents(graph, context, config, tensors);
  for (let layer = 0; layer < config.layers; layer++) {
    latents = perceiverLayer(graph, latents, context, { config, tensors: tensors.within(`layers.${layer}`) });
  }
  return norm(graph, latents, config, tensors.within('norm'));
}

/** The learned latents once for each tile. */
function startingLatents(
  graph: GraphBuilder,
  context: Value,
  { latents, hiddenSize }: PerceiverConfig,
  tensors: CheckpointTensors,
): Value {
  const learned = floatWeight(graph, tensors.tensor('latents', [latents, hiddenSize]));
  const tiles = graph.op('Shape', [context], { start: 0, end: 1 });
  const shape = graph.op('Concat', [tiles, graph.constant('int64', [2], [latents, hiddenSize])], { axis: 0 });
  return graph.op('Expand', [learned, shape]);
}

/** Idefics2PerceiverLayer: attention and a gated MLP, both added to the latents. */
function perceiverLayer(
  graph: GraphBuilder,
  latents: Value,
  context: Value,
  { config, tensors }: PerceiverOptions,
): Value {
  const queries = norm(graph, latents, config, tensors.within('input_latents_norm'));
  const rows = norm(graph, context, config, tensors.within('input_context_norm'));
  const attended = attention(graph, queries, rows, { config, tensors: tensors.within('self_attn') });
  const middle = graph.op('Add', [latents, attended]);
  const normalized = norm(graph, middle, config, tensors.within('post_attention_layernorm'));
  return graph.op('Add', [middle, mlp(graph, normalized, config, tensors.within('mlp'))]);
}

/** Idefics2PerceiverAttention: the latents look at the context and at themselves. */
function attention(
  graph: GraphBuilder,
  latents: Value,
  context: Value,
  { config, tensors }: PerceiverOptions,
): Value {
  const { hiddenSize, heads, kvHeads, headDim } = config;
  const project = (name: string, input: Value, count: number) =>
    linear(graph, input, tensors.linear(name, count * headDim, hiddenSize, { bias: false }));
  const seen = graph.op('Concat', [context, latents], { axis: 1 });
  const attended = multiHeadAttention(graph, {
    query: stackQueries(graph, project('q_proj', latents, heads), config),
    key: project('k_proj', seen, kvHeads),
    value: project('v_proj', seen, kvHeads),
    heads: kvHeads,
  });
  const output = unstackQueries(graph, attended, config);
  return linear(graph, output, tensors.linear('o_proj', hiddenSize, heads * headDim, { bias: false }));
}

/**
 * The heads that share a key-value head as further rows of that head, so that no key or value is repeated:
 * [tiles, latents, kvHeads × group × headDim] -> [tiles, group × latents, kvHeads × headDim].
 */
function stackQueries(graph: GraphBuilder, queries: Value, config: PerceiverConfig): Value {
  const { latents, heads, kvHeads, headDim } = config;
  const group = heads / kvHeads;
  const apart = reshape(graph, queries, [0, latents, kvHeads, group, headDim]);
  const stacked = graph.op('Transpose', [apart], { perm: [0, 3, 1, 2, 4] });
  return reshape(graph, stacked, [0, group * latents, kvHeads * headDim]);
}

/** The way back: [tiles, group × latents, kvHeads × headDim] -> [tiles, latents, kvHeads × group × headDim]. */
function unstackQueries(graph: GraphBuilder, attended: Value, config: PerceiverConfig): Value {
  const { latents, heads, kvHeads, headDim } = config;
  const apart = reshape(graph, attended, [0, heads / kvHeads, latents, kvHeads, headDim]);
  const beside = graph.op('Transpose', [apart], { perm: [0, 2, 3, 1, 4] });
  return reshape(graph, beside, [0, latents, heads * headDim]);
}

/** Idefics2MLP of a layer, which is four times as wide as the latents. */
function mlp(graph: GraphBuilder, input: Value, config: PerceiverConfig, tensors: CheckpointTensors): Value {
  const { hiddenSize, activation } = config;
  const wide = 4 * hiddenSize;
  return gatedMlp(graph, input, {
    gate: tensors.linear('gate_proj', wide, hiddenSize, { bias: false }),
    up: tensors.linear('up_proj', wide, hiddenSize, { bias: false }),
    down: tensors.linear('down_proj', hiddenSize, wide, { bias: false }),
    activation,
  });
}

function norm(graph: GraphBuilder, input: Value, config: PerceiverConfig, tensors: CheckpointTensors): Value {
  const weight = tensors.tensor('weight', [config.hiddenSize]);
  return rmsNorm(graph, input, { weight, epsilon: config.rmsNormEpsilon });
}

function reshape(graph: GraphBuilder, value: Value, shape: readonly number[]): Value {
  return graph.op('Reshape', [value, graph.constant('int64', [shape.length], shape)]);
}
