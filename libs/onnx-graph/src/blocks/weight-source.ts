import assert from 'node:assert/strict';
import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';

/**
 * A float32 tensor that is read when the graph is saved, typically from a checkpoint. `name` is unique in the
 * graph, and the same name is the same weight.
 */
export interface WeightSource {
  readonly name: string;
  readonly shape: readonly number[];
  /** Reads the elements, row-major. The array belongs to whoever asked. */
  readonly read: () => Promise<Float32Array>;
}

/** The source as a float32 weight of the graph. */
export function floatWeight(graph: GraphBuilder, source: WeightSource): Value {
  return graph.weight(source.name, 'float32', source.shape, source.read);
}

/**
 * Stacks tensors along their first dimension into one source: query, key and value projections of shape
 * [out, in] (or their biases, [out]) become one packed projection.
 */
export function stackRows(name: string, sources: readonly WeightSource[]): WeightSource {
  const [first] = sources;
  assert.ok(first, 'nothing to stack');
  const columns = first.shape.slice(1);
  for (const { shape } of sources)
    assert.deepEqual(shape.slice(1), columns, `rows of ${name} differ in shape`);
  const rows = sources.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  return { name, shape: [rows, ...columns], read: () => readStacked(sources, rows, columns) };
}

async function readStacked(
  sources: readonly WeightSource[],
  rows: number,
  columns: readonly number[],
): Promise<Float32Array> {
  const stacked = new Float32Array(columns.reduce((size, dimension) => size * dimension, rows));
  let offset = 0;
  for (const source of sources) {
    const part = await source.read();
    stacked.set(part, offset);
    offset += part.length;
  }
  assert.equal(offset, stacked.length);
  return stacked;
}
