import {
  activation,
  type GraphBuilder,
  layerNorm,
  linear,
  multiHeadAttention,
  type Value,
} from '@diptych/onnx-graph';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';
import { positionBuckets } from './position-buckets.ts';
import type { SiglipConfig } from './siglip-config.ts';

/** How a SigLIP tower is put into a graph. */
export interface SiglipOptions {
  readonly config: SiglipConfig;
  /** Tensors of the tower: `embeddings`, `encoder`, `post_layernorm`. */
  readonly tensors: CheckpointTensors;
  /** Edge of the square tiles in pixels, a multiple of the patch size. */
  readonly tileSize: number;
}

/**
 * SigLIP over whole tiles: [tiles, 3, size, size] -> [tiles, patches², hidden], after the last norm.
 * transformers' Idefics3VisionTransformer where every pixel of a tile counts.
 */
export function siglip(graph: GraphBuilder, pixels: Value, options: SiglipOptions): Value {
  const { config, tensors } = options;
  let hidden = embedPatches(graph, pixels, options);
  for (let layer = 0; layer < config.layers; layer++) {
    hidden = encoderLayer(graph, hidden, config, tensors.within(`encoder.layers.${layer}`));
  }
  return norm(graph, hidden, config, tensors.within('post_layernorm'));
}

/**
 * The patch convolution as one matrix product: its stride is its kernel, so every pixel is used once and the
 * patches only have to be laid out as rows.
 */
function embedPatches(
  graph: GraphBuilder,
  pixels: Value,
  { config, tensors, tileSize }: SiglipOptions,
): Value {
  const { patchSize: patch, hiddenSize } = config;
  const side = tileSize / patch;
  const shape = (...dimensions: number[]) => graph.constant('int64', [dimensions.length], dimensions);
  const cut = graph.op('Reshape', [pixels, shape(0, 3, side, patch, side, patch)]);
  const gathered = graph.op('Transpose', [cut], { perm: [0, 2, 4, 1, 3, 5] });
  const rows = graph.op('Reshape', [gathered, shape(0, side * side, 3 * patch * patch)]);
  const { weight, bias } = tensors.linear('embeddings.patch_embedding', hiddenSize, 3 * patch * patch, {
    bias: true,
  });
  const kernel = tensors.tensor('embeddings.patch_embedding.weight', [hiddenSize, 3, patch, patch]);
  const embedded = linear(graph, rows, { weight: { ...weight, read: kernel.read }, bias });
  return graph.op('Add', [embedded, positions(graph, side, config, tensors)]);
}

/** Position embeddings in the order of a tile's patches, [1, side², hidden]. */
function positions(
  graph: GraphBuilder,
  side: number,
  config: SiglipConfig,
  tensors: CheckpointTensors,
): Value {
  const trained = Math.floor(config.imageSize / config.patchSize);
  const table = tensors.tensor('embeddings.position_embedding.weight', [
    trained * trained,
    config.hiddenSize,
  ]);
  const buckets = positionBuckets(side, trained);
  const ids = buckets.flatMap((row) => buckets.map((column) => row * trained + column));
  const read = async () => pickRows(await table.read(), ids, config.hiddenSize);
  return graph.weight(table.name, 'float32', [1, ids.length, config.hiddenSize], read);
}

function pickRows(table: Float32Array, rows: readonly number[], width: number): Float32Array {
  const picked = new Float32Array(rows.length * width);
  rows.forEach((row, index) => picked.set(table.subarray(row * width, (row + 1) * width), index * width));
  return picked;
}

function encoderLayer(
  graph: GraphBuilder,
  input: Value,
  config: SiglipConfig,
  tensors: CheckpointTensors,
): Value {
  const attended = attention(
    graph,
    norm(graph, input, config, tensors.within('layer_norm1')),
    config,
    tensors,
  );
  const middle = graph.op('Add', [input, attended]);
  const changed = mlp(graph, norm(graph, middle, config, tensors.within('layer_norm2')), config, tensors);
  return graph.op('Add', [middle, changed]);
}

function attention(
  graph: GraphBuilder,
  input: Value,
  config: SiglipConfig,
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

function mlp(graph: GraphBuilder, input: Value, config: SiglipConfig, tensors: CheckpointTensors): Value {
  const { hiddenSize, intermediateSize } = config;
  const wide = linear(graph, input, tensors.linear('mlp.fc1', intermediateSize, hiddenSize, { bias: true }));
  const active = activation(graph, wide, config.activation, 'vision_config.hidden_act');
  return linear(graph, active, tensors.linear('mlp.fc2', hiddenSize, intermediateSize, { bias: true }));
}

function norm(graph: GraphBuilder, input: Value, config: SiglipConfig, tensors: CheckpointTensors): Value {
  return layerNorm(graph, input, {
    weight: tensors.tensor('weight', [config.hiddenSize]),
    bias: tensors.tensor('bias', [config.hiddenSize]),
    epsilon: config.layerNormEpsilon,
  });
}
