import assert from 'node:assert/strict';
import type { GraphBuilder, Outputs } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import type { EncodingName } from '../weights/encodings.ts';
import type { WeightSource } from '../weights/weight-source.ts';

/** The values of a weight in an encoding that has this many outputs. */
export function weightValues<const N extends number>(
  graph: GraphBuilder,
  source: WeightSource,
  encoding: EncodingName,
  count: N,
): Outputs<N> {
  const values = graph.weight(source, encoding);
  assert.ok(hasLength(values, count), `${encoding} has ${values.length} outputs`);
  return values;
}

function hasLength<const N extends number>(values: readonly Value[], count: N): values is Outputs<N> {
  return values.length === count;
}
