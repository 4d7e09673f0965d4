import { type GraphBuilder, layerNorm, linear, towerAttention, type Value } from '@diptych/onnx-graph';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';

/** Sizes and choices of a vision transformer's layers. */
export interface VisionEncoderConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly activation: string;
  readonly layerNormEpsilon: number;
}

/** How layers of a vision transformer are put into a graph. */
export interface VisionEncoderOptions {
  readonly config: VisionEncoderConfig;
  /** Tensors of the encoder: `layers`. */
  readonly tensors: CheckpointTensors;
  /** How many layers to run, from the first. */
  readonly layers: number;
}

/**
 * The layers of a vision transformer that normalises before each block: [tiles, patches, hidden] -> the same, before
 * any final norm. transformers' SiglipEncoder, CLIPEncoder and Idefics2Encoder, which are the same.
 */
export function visionEncoder(
  graph: GraphBuilder,
  input: Value,
  { config, tensors, layers }: VisionEncoderOptions,
): Value {
  let hidden = input;
  for (let layer = 0; layer < layers; layer++) {
    hidden = encoderLayer(graph, hidden, config, tensors.within(`layers.${layer}`));
  }
  return hidden;
}

/** A layer normalisation of a vision tower, over [tiles, patches, hidden]. */
export function visionNorm(
  graph: GraphBuilder,
  input: Value,
  config: VisionEncoderConfig,
  tensors: CheckpointTensors,
): Value {
  return layerNorm(graph, input, {
    weight: tensors.tensor('weight', [config.hiddenSize]),
    bias: tensors.tensor('bias', [config.hiddenSize]),
    epsilon: config.layerNormEpsilon,
  });
}

/** One layer: tensors `layer_norm1`, `self_attn`, `layer_norm2`, `mlp`. [tiles, patches, hidden] -> the same. */
export function encoderLayer(
  graph: GraphBuilder,
  input: Value,
  config: VisionEncoderConfig,
  tensors: CheckpointTensors,
): Value {
  const entered = visionNorm(graph, input, config, tensors.within('layer_norm1'));
  const middle = graph.op('Add', [input, attention(graph, entered, config, tensors.within('self_attn'))]);
  const normalized = visionNorm(graph, middle, config, tensors.within('layer_norm2'));
  return graph.op('Add', [middle, mlp(graph, normalized, config, tensors.within('mlp'))]);
}

function attention(
  graph: GraphBuilder,
  input: Value,
  { hiddenSize, heads }: VisionEncoderConfig,
  tensors: CheckpointTensors,
): Value {
  const project = (name: string, value: Value) =>
    linear(graph, value, tensors.linear(name, hiddenSize, hiddenSize, { bias: true }));
  const attended = towerAttention(graph, {
    query: project('q_proj', input),
    key: project('k_proj', input),
    value: project('v_proj', input),
    heads,
    headDim: hiddenSize / heads,
  });
  return project('out_proj', attended);
}

function mlp(
  graph: GraphBuilder,
  input: Value,
  config: VisionEncoderConfig,
  tensors: CheckpointTensors,
): Value {
  const { hiddenSize, intermediateSize } = config;
  const fc1 = tensors.linear('fc1', intermediateSize, hiddenSize, { bias: true });
  const wide = linear(graph, input, fc1, {
    activation: config.activation,
    field: 'vision_config.hidden_act',
  });
  return linear(graph, wide, tensors.linear('fc2', hiddenSize, intermediateSize, { bias: true }));
}
