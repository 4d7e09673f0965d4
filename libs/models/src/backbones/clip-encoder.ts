import {
  activation,
  type GraphBuilder,
  layerNorm,
  linear,
  multiHeadAttention,
  type Value,
} from '@diptych/onnx-graph';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';

/** Sizes of the layers that CLIP and SigLIP share. */
export interface EncoderConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  /** `hidden_act` of `vision_config`. */
  readonly activation: string;
  readonly layerNormEpsilon: number;
}

/**
 * One layer: attention over all patches of a tile, then the MLP, each after its norm and around a residual stream
 * [tiles, patches, hidden]. transformers' CLIPEncoderLayer, SiglipEncoderLayer and Idefics3EncoderLayer.
 */
export function encoderLayer(
  graph: GraphBuilder,
  input: Value,
  config: EncoderConfig,
  tensors: CheckpointTensors,
): Value {
  const attended = attention(
    graph,
    encoderNorm(graph, input, config, tensors.within('layer_norm1')),
    config,
    tensors,
  );
  const middle = graph.op('Add', [input, attended]);
  const changed = mlp(
    graph,
    encoderNorm(graph, middle, config, tensors.within('layer_norm2')),
    config,
    tensors,
  );
  return graph.op('Add', [middle, changed]);
}

/** A layer norm with the tower's epsilon over [..., hidden]. */
export function encoderNorm(
  graph: GraphBuilder,
  input: Value,
  config: EncoderConfig,
  tensors: CheckpointTensors,
): Value {
  return layerNorm(graph, input, {
    weight: tensors.tensor('weight', [config.hiddenSize]),
    bias: tensors.tensor('bias', [config.hiddenSize]),
    epsilon: config.layerNormEpsilon,
  });
}

function attention(
  graph: GraphBuilder,
  input: Value,
  config: EncoderConfig,
  tensors: CheckpointTensors,
): Value {
  const { hiddenSize, heads } = config;
  const project = (name: string, value: Value) =>
    linear(graph, value, tensors.linear(`self_attn.${name}`, hiddenSize, hiddenSize, { bias: true }));
  const attended = multiHeadAttention(graph, {
    query: project('q_proj', input),
    key: project('k_proj', input),
    value: project('v_proj', input),
    heads,
  });
  return project('out_proj', attended);
}

function mlp(graph: GraphBuilder, input: Value, config: EncoderConfig, tensors: CheckpointTensors): Value {
  const { hiddenSize, intermediateSize } = config;
  const wide = linear(graph, input, tensors.linear('mlp.fc1', intermediateSize, hiddenSize, { bias: true }));
  const active = activation(graph, wide, config.activation, 'vision_config.hidden_act');
  return linear(graph, active, tensors.linear('mlp.fc2', hiddenSize, intermediateSize, { bias: true }));
}
