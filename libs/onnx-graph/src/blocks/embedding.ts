import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { INT8_BLOCK } from '../weights/blocks.ts';
import { INT8_BLOCKS_ZERO } from '../weights/int8-blocks.ts';
import type { WeightFormat } from '../weights/weight-format.ts';
import { matrixSize, type WeightSource } from '../weights/weight-source.ts';
import { blockProduct, MIN_BLOCK_COLUMNS } from './block-product.ts';
import { floatWeight } from './float-weight.ts';
import { linear } from './linear.ts';
import { weightValues } from './weight-values.ts';

/**
 * Rows of an embedding table [rows, hidden] by their ids: torch.nn.Embedding. int64 [...] -> [..., hidden].
 *
 * The quantised formats keep tables and heads in bytes with a scale for each block of 64 (`int8Blocks`), which
 * costs next to no accuracy and lets `head` read the very same tensors.
 */
export function embedding(graph: GraphBuilder, table: WeightSource, ids: Value): Value {
  return GATHERS[tableFormat(graph.weights, table)](graph, table, ids);
}

/**
 * Logits over a vocabulary: x·Wᵀ with W [vocab, hidden], as `linear`. A W that `embedding` reads too (tied weights)
 * is stored once.
 */
export function head(graph: GraphBuilder, input: Value, weight: WeightSource): Value {
  if (tableFormat(graph.weights, weight) === 'int8Blocks')
    return blockProduct(graph, input, weight, 'int8Blocks');
  return linear(graph, input, { weight });
}

type TableFormat = 'float32' | 'float16' | 'int8Blocks';

/** What narrow rows are kept in is what `linear` keeps them in. */
function tableFormat(format: WeightFormat, { shape }: WeightSource): TableFormat {
  if (format === 'float32' || format === 'float16') return format;
  return matrixSize(shape).columns < MIN_BLOCK_COLUMNS ? 'float32' : 'int8Blocks';
}

type Gather = (graph: GraphBuilder, table: WeightSource, ids: Value) => Value;

const GATHERS: Record<TableFormat, Gather> = {
  float32: (graph, table, ids) => rowsOf(graph, floatWeight(graph, table), ids),
  float16: (graph, table, ids) => {
    const [halves] = weightValues(graph, table, 'float16', 1);
    return toFloat(graph, rowsOf(graph, halves, ids));
  },
  int8Blocks: gatherBlocks,
};

/** (code - 128) · scale for the rows that are asked for alone; what fills up the last block is cut off. */
function gatherBlocks(graph: GraphBuilder, table: WeightSource, ids: Value): Value {
  const [codes, scales] = weightValues(graph, table, 'int8Blocks', 2);
  const { columns } = matrixSize(table.shape);
  const int64 = (...values: number[]) => graph.constant('int64', [values.length], values);
  const steps = toFloat(graph, rowsOf(graph, codes, ids));
  const centred = graph.op('Sub', [steps, graph.constant('float32', [], [INT8_BLOCKS_ZERO])]);
  const factors = graph.op('Unsqueeze', [rowsOf(graph, scales, ids), int64(-1)]);
  const blocks = graph.op('Mul', [centred, factors]);
  const width = Math.ceil(columns / INT8_BLOCK) * INT8_BLOCK;
  const idsShape = graph.op('Shape', [ids]);
  const shape = graph.op('Concat', [idsShape, int64(width)], { axis: 0 });
  const rows = graph.op('Reshape', [blocks, shape]);
  return width === columns ? rows : graph.op('Slice', [rows, int64(0), int64(columns), int64(-1)]);
}

function rowsOf(graph: GraphBuilder, table: Value, ids: Value): Value {
  return graph.op('Gather', [table, ids], { axis: 0 });
}

/** TensorProto.DataType of float32. */
const FLOAT = 1;

function toFloat(graph: GraphBuilder, value: Value): Value {
  return graph.op('Cast', [value], { to: FLOAT });
}
