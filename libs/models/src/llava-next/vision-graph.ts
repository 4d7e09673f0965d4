import { GraphBuilder, type WeightFormat } from '@diptych/onnx-graph';
import { repeatRow } from '../backbones/repeat-row.ts';
import { imageFeatures } from '../llava/image-features.ts';
import type { LlavaTensors } from '../llava/tensor-names.ts';
import type { LlavaNextConfig } from './config.ts';

/**
 * Tower, projector and newline: `pixel_values` float32 [tiles, 3, size, size] -> `image_features` float32
 * [tiles, patches + 1, hidden of the decoder], where the last row of each tile is the newline embedding, so that packing
 * is a choice of rows. transformers' LlavaNextModel.get_image_features before `pack_image_features`.
 */
export function llavaNextVisionGraph(
  config: LlavaNextConfig,
  tensors: LlavaTensors,
  weights: WeightFormat,
): GraphBuilder {
  const graph = new GraphBuilder({ name: 'llava_next vision', weights });
  const { imageSize } = config.vision;
  const { hiddenSize } = config.language;
  const pixels = graph.input('pixel_values', 'float32', ['tiles', 3, imageSize, imageSize]);
  const patches = imageFeatures(graph, pixels, config, tensors);
  const newline = repeatRow(graph, tensors.newline.tensor('image_newline', [hiddenSize]), pixels);
  const features = graph.op('Concat', [patches, newline], { axis: 1 });
  graph.output(features, 'image_features', {
    type: 'float32',
    shape: ['tiles', config.rowsPerTile + 1, hiddenSize],
  });
  return graph;
}
