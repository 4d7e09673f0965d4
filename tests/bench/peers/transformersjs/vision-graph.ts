import { activation, floatWeight, GraphBuilder, layerNorm, type Value } from '@diptych/onnx-graph';
import { type ExportSource, int64, linear, MICROSOFT, tensor } from './graph-parts.ts';

/** `layer_norm_eps` and `hidden_act` of transformers' Idefics3VisionConfig. */
const EPSILON = 1e-6;
const ACTIVATION = 'gelu_pytorch_tanh';

const TOWER = 'model.vision_model';

/**
 * `vision_encoder` as the library binds it: `pixel_values` float32 [batch, images, 3, height, width] ->
 * `image_features` [tiles, tokens, hidden]. Tower and connector over full tiles; the mask that the library sends is
 * always of ones and not among the inputs.
 */
export function visionEncoderGraph(source: ExportSource): GraphBuilder {
  const { tower, connector } = source.shape;
  if (connector.kind !== 'pixel-shuffle')
    throw new Error(`no export for a connector of kind ${connector.kind}`);
  const graph = new GraphBuilder({ name: 'vision_encoder' });
  const side = Math.sqrt(tower.positions);
  const edge = side * tower.patch;
  const pixels = graph.input('pixel_values', 'float32', ['batch_size', 'num_images', 3, edge, edge]);
  const tiles = graph.op('Reshape', [pixels, int64(graph, -1, 3, edge, edge)]);
  let hidden = patchEmbeddings(graph, tiles, source);
  for (let layer = 0; layer < tower.layers; layer++)
    hidden = encoderLayer(graph, hidden, source, `${TOWER}.encoder.layers.${layer}`);
  const normalized = norm(graph, hidden, source, `${TOWER}.post_layernorm`);
  const shuffled = shufflePixels(graph, normalized, { side, scale: connector.scale, width: tower.hidden });
  const name = 'model.connector.modality_projection.proj.weight';
  const width = source.shape.decoder.hidden;
  const weight = tensor(source, name, [width, tower.hidden * connector.scale ** 2]);
  const features = linear(graph, shuffled, { precision: source.precision, weight });
  const tokens = (side / connector.scale) ** 2;
  graph.output(features, 'image_features', { type: 'float32', shape: ['num_tiles', tokens, width] });
  return graph;
}

/** The convolution over patches, with the position of each added: its weights stay float32 in every precision. */
function patchEmbeddings(graph: GraphBuilder, tiles: Value, source: ExportSource): Value {
  const { hidden, patch, positions } = source.shape.tower;
  const part = (name: string, shape: number[]) =>
    floatWeight(graph, tensor(source, `${TOWER}.embeddings.${name}`, shape));
  const kernel = part('patch_embedding.weight', [hidden, 3, patch, patch]);
  const bias = part('patch_embedding.bias', [hidden]);
  const attributes = { kernel_shape: [patch, patch], strides: [patch, patch] };
  const planes = graph.op('Conv', [tiles, kernel, bias], attributes);
  const columns = graph.op('Reshape', [planes, int64(graph, 0, hidden, -1)]);
  const patches = graph.op('Transpose', [columns], { perm: [0, 2, 1] });
  return graph.op('Add', [patches, part('position_embedding.weight', [positions, hidden])]);
}

function encoderLayer(graph: GraphBuilder, input: Value, source: ExportSource, name: string): Value {
  const { hidden, intermediate } = source.shape.tower;
  const project = (layer: string, value: Value, outputs: number, inputs: number) =>
    linear(graph, value, {
      precision: source.precision,
      weight: tensor(source, `${name}.${layer}.weight`, [outputs, inputs]),
      bias: tensor(source, `${name}.${layer}.bias`, [outputs]),
    });
  const entered = norm(graph, input, source, `${name}.layer_norm1`);
  const heads = towerHeads(source);
  const [query, key, value] = ['q_proj', 'k_proj', 'v_proj'].map((part) =>
    project(`self_attn.${part}`, entered, hidden, hidden),
  );
  const attended = graph.op('MultiHeadAttention', [query, key, value], { num_heads: heads }, MICROSOFT);
  const middle = graph.op('Add', [input, project('self_attn.out_proj', attended, hidden, hidden)]);
  const normalized = norm(graph, middle, source, `${name}.layer_norm2`);
  const wide = project('mlp.fc1', normalized, intermediate, hidden);
  const active = activation(graph, wide, ACTIVATION);
  return graph.op('Add', [middle, project('mlp.fc2', active, hidden, intermediate)]);
}

function towerHeads({ shape }: ExportSource): number {
  const config = shape.files['config.json']?.['vision_config'] as { num_attention_heads: number };
  return config.num_attention_heads;
}

function norm(graph: GraphBuilder, input: Value, source: ExportSource, name: string): Value {
  const { hidden } = source.shape.tower;
  const weight = tensor(source, `${name}.weight`, [hidden]);
  const bias = tensor(source, `${name}.bias`, [hidden]);
  return layerNorm(graph, input, { weight, bias, epsilon: EPSILON });
}

/** Idefics3Connector.pixel_shuffle: squares of patches become rows. */
function shufflePixels(
  graph: GraphBuilder,
  patches: Value,
  { side, scale, width }: { readonly side: number; readonly scale: number; readonly width: number },
): Value {
  const coarse = side / scale;
  const squares = graph.op('Reshape', [patches, int64(graph, 0, coarse, scale, coarse, scale * width)]);
  const joined = graph.op('Transpose', [squares], { perm: [0, 1, 3, 2, 4] });
  return graph.op('Reshape', [joined, int64(graph, 0, coarse ** 2, scale ** 2 * width)]);
}
