import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { hadamard, rotationBlock } from '../weights/rotation.ts';

/** Projections of one input (gate and up; query, key and value) share its rotation, in whatever formats they are. */
const rotated = new WeakMap<Value, Value>();

/** Rows of activations [..., columns], rotated block by block as the weights are that they are multiplied with. */
export function rotatedRows(graph: GraphBuilder, input: Value, columns: number): Value {
  const known = rotated.get(input);
  if (known) return known;
  const rows = rotateBlocks(graph, input, rotationBlock(columns));
  rotated.set(input, rows);
  return rows;
}

/** Both reshapes move nothing. */
function rotateBlocks(graph: GraphBuilder, input: Value, block: number): Value {
  if (block === 1) return input;
  const matrix = graph.constant('float32', [block, block], hadamard(block));
  const blocks = graph.op('Reshape', [input, graph.constant('int64', [2], [-1, block])]);
  return graph.op('Reshape', [graph.op('MatMul', [blocks, matrix]), graph.op('Shape', [input])]);
}
