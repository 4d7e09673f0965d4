import { floatWeight, type GraphBuilder, type Value, type WeightSource } from '@diptych/onnx-graph';

/** A learned row [hidden] for each tile of `pixels` [tiles, 3, height, width]: [tiles, 1, hidden]. */
export function repeatRow(graph: GraphBuilder, row: WeightSource, pixels: Value): Value {
  const tiles = graph.op('Shape', [pixels], { start: 0, end: 1 });
  const rest = graph.constant('int64', [2], [1, row.shape[0] ?? 0]);
  const shape = graph.op('Concat', [tiles, rest], { axis: 0 });
  return graph.op('Expand', [floatWeight(graph, row), shape]);
}
