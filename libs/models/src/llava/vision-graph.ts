import { GraphBuilder, type WeightFormat } from '@diptych/onnx-graph';
import type { LlavaConfig } from './config.ts';
import { imageFeatures } from './image-features.ts';
import type { LlavaTensors } from './tensor-names.ts';

/**
 * Tower and projector: `pixel_values` float32 [tiles, 3, size, size] -> `image_features` float32
 * [tiles, rowsPerTile, hidden of the decoder]. transformers' LlavaModel.get_image_features.
 */
export function llavaVisionGraph(
  config: LlavaConfig,
  tensors: LlavaTensors,
  weights: WeightFormat,
): GraphBuilder {
  const graph = new GraphBuilder({ name: 'llava vision', weights });
  const { imageSize } = config.vision;
  const pixels = graph.input('pixel_values', 'float32', ['tiles', 3, imageSize, imageSize]);
  const features = imageFeatures(graph, pixels, config, tensors);
  const shape = ['tiles', config.rowsPerTile, config.language.hiddenSize];
  graph.output(features, 'image_features', { type: 'float32', shape });
  return graph;
}
