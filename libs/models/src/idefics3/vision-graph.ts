import { GraphBuilder, linear, type Value, type WeightFormat } from '@diptych/onnx-graph';
import { wholePatches } from '../backbones/patch-embedding.ts';
import { siglip } from '../backbones/siglip.ts';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';
import type { Idefics3Config } from './config.ts';

/**
 * Tower and connector: `pixel_values` float32 [tiles, 3, size, size] -> `image_features` float32
 * [tiles, tokensPerTile, hidden of the decoder]. transformers' Idefics3Model.get_image_features, without the
 * masks: tiles are always full.
 */
export function idefics3VisionGraph(
  config: Idefics3Config,
  tensors: CheckpointTensors,
  weights: WeightFormat,
): GraphBuilder {
  const graph = new GraphBuilder({ name: 'idefics3 vision', weights });
  const { tileSize } = config.images;
  const pixels = graph.input('pixel_values', 'float32', ['tiles', 3, tileSize, tileSize]);
  const tower = tensors.within('model.vision_model');
  const filled = wholePatches(graph, pixels, { edge: tileSize, patchSize: config.vision.patchSize });
  const patches = siglip(graph, filled, { config: config.vision, tensors: tower });
  const features = connect(graph, shufflePixels(graph, patches, config), config, tensors);
  const shape = ['tiles', config.tokensPerTile, config.language.hiddenSize];
  graph.output(features, 'image_features', { type: 'float32', shape });
  return graph;
}

/**
 * Idefics3Connector.pixel_shuffle: a square of scale × scale patches becomes one row, its patches side by side from
 * left to right and top to bottom. [tiles, side², hidden] -> [tiles, (side / scale)², scale² × hidden].
 */
function shufflePixels(graph: GraphBuilder, patches: Value, config: Idefics3Config): Value {
  const { scaleFactor: scale, vision, tokensPerTile } = config;
  const side = Math.sqrt(tokensPerTile);
  const shape = (...dimensions: number[]) => graph.constant('int64', [dimensions.length], dimensions);
  const squares = graph.op('Reshape', [patches, shape(0, side, scale, side, scale * vision.hiddenSize)]);
  const joined = graph.op('Transpose', [squares], { perm: [0, 1, 3, 2, 4] });
  return graph.op('Reshape', [joined, shape(0, tokensPerTile, scale * scale * vision.hiddenSize)]);
}

function connect(
  graph: GraphBuilder,
  rows: Value,
  config: Idefics3Config,
  tensors: CheckpointTensors,
): Value {
  const { scaleFactor: scale, vision, language } = config;
  const inputs = scale * scale * vision.hiddenSize;
  const name = 'model.connector.modality_projection.proj';
  return linear(graph, rows, tensors.linear(name, language.hiddenSize, inputs, { bias: false }));
}
