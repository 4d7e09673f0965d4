import { GraphBuilder, gatedMlp, type Value, type WeightFormat } from '@diptych/onnx-graph';
import { perceiverResampler } from '../backbones/perceiver.ts';
import { siglip } from '../backbones/siglip.ts';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';
import type { Idefics2Config } from './config.ts';

/**
 * Tower and connector: `pixel_values` float32 [tiles, 3, height, width], both sides a multiple of the patch ->
 * `image_features` float32 [tiles, latents, hidden of the decoder]. transformers' Idefics2Model.get_image_features,
 * without the masks: tiles are cut to the patches that count.
 */
export function idefics2VisionGraph(
  config: Idefics2Config,
  tensors: CheckpointTensors,
  weights: WeightFormat,
): GraphBuilder {
  const graph = new GraphBuilder({ name: 'idefics2 vision', weights });
  const pixels = graph.input('pixel_values', 'float32', ['tiles', 3, 'height', 'width']);
  const tower = tensors.within('model.vision_model');
  const connector = tensors.within('model.connector');
  const patches = siglip(graph, pixels, { config: config.vision, tensors: tower });
  const projected = project(graph, patches, config, connector.within('modality_projection'));
  const features = perceiverResampler(graph, projected, {
    config: config.perceiver,
    tensors: connector.within('perceiver_resampler'),
  });
  const shape = ['tiles', config.perceiver.latents, config.language.hiddenSize];
  graph.output(features, 'image_features', { type: 'float32', shape });
  return graph;
}

/** Idefics2Connector.modality_projection: a gated MLP from the tower's width to the decoder's. */
function project(
  graph: GraphBuilder,
  patches: Value,
  { vision, language }: Idefics2Config,
  tensors: CheckpointTensors,
): Value {
  const { hiddenSize, intermediateSize, activation } = language;
  return gatedMlp(graph, patches, {
    gate: tensors.linear('gate_proj', intermediateSize, vision.hiddenSize, { bias: false }),
    up: tensors.linear('up_proj', intermediateSize, vision.hiddenSize, { bias: false }),
    down: tensors.linear('down_proj', hiddenSize, intermediateSize, { bias: false }),
    activation,
  });
}
