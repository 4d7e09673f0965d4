import assert from 'node:assert/strict';
import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import type { WeightSource } from '../weights/weight-source.ts';

/** The source as a float32 weight of the graph, of the same shape. */
export function floatWeight(graph: GraphBuilder, source: WeightSource): Value {
  const [value] = graph.weight(source, 'float32');
  assert.ok(value);
  return value;
}
