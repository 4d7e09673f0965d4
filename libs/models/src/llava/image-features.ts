import { type GraphBuilder, linear, type Value } from '@diptych/onnx-graph';
import { clipFeatures } from '../backbones/clip.ts';
import type { LlavaModelConfig } from './model-config.ts';
import type { LlavaTensors } from './tensor-names.ts';

/**
 * Tower and projector: pixels [tiles, 3, size, size] -> features [tiles, rowsPerTile, hidden of the decoder].
 * transformers' LlavaModel.get_image_features and its LlavaMultiModalProjector, which are LlavaNext's too.
 */
export function imageFeatures(
  graph: GraphBuilder,
  pixels: Value,
  config: LlavaModelConfig,
  { tower, projector }: Pick<LlavaTensors, 'tower' | 'projector'>,
): Value {
  const { vision, states, language } = config;
  const rows = clipFeatures(graph, pixels, { config: vision, tensors: tower, states });
  const { activation: name, bias } = config.projector;
  const inputs = vision.hiddenSize * states.length;
  const wide = linear(
    graph,
    selectRows(graph, rows, config),
    projector.linear('linear_1', language.hiddenSize, inputs, { bias }),
    { activation: name, field: 'projector_hidden_act' },
  );
  return linear(
    graph,
    wide,
    projector.linear('linear_2', language.hiddenSize, language.hiddenSize, { bias }),
  );
}

/** The strategy `default` leaves the first row out: the class token of CLIP. */
function selectRows(graph: GraphBuilder, rows: Value, { strategy }: LlavaModelConfig): Value {
  if (strategy === 'full') return rows;
  const scalar = (value: number) => graph.constant('int64', [1], [value]);
  return graph.op('Slice', [rows, scalar(1), scalar(END), scalar(1)]);
}

/** To the end of a dimension, in ONNX's Slice. */
const END = 2 ** 31 - 1;
