import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { INT4_BLOCK, INT8_BLOCK } from '../weights/blocks.ts';
import { matrixSize, type WeightSource } from '../weights/weight-source.ts';
import { rotatedRows } from './rotated-rows.ts';
import { weightValues } from './weight-values.ts';

/** Shorter rows are not worth their scales and the zeros that fill up a block. */
export const MIN_BLOCK_COLUMNS = 32;

/** Bits of an element and elements of a block in the encodings that `MatMulNBits` reads. */
const LAYOUTS = {
  int4: { bits: 4, block_size: INT4_BLOCK },
  int8Blocks: { bits: 8, block_size: INT8_BLOCK },
} as const;

/** `MatMulNBits`: activations as signed bytes with a scale for each block of a row, sums in integers. */
const INT8_ACTIVATIONS = 4;

/**
 * x·Wᵀ with W in blocks along its rows: com.microsoft `MatMulNBits`. [..., in] -> [..., out]. Activations
 * are quantised block by block of each row, so no row depends on those that it runs with.
 */
export function blockProduct(
  graph: GraphBuilder,
  input: Value,
  weight: WeightSource,
  encoding: keyof typeof LAYOUTS,
): Value {
  const { rows, columns } = matrixSize(weight.shape);
  const attributes = {
    K: columns,
    N: rows,
    ...LAYOUTS[encoding],
    accuracy_level: INT8_ACTIVATIONS,
  };
  // A table in bytes is gathered from as well, so its rows are as they are.
  const isInt4 = encoding === 'int4';
  const activations = isInt4 ? rotatedRows(graph, input, columns) : input;
  const weights = isInt4 ? int4Weights(graph, weight) : graph.weight(weight, encoding);
  return graph.op('MatMulNBits', [activations, ...weights], attributes, { domain: 'com.microsoft' });
}

/** ONNX Runtime multiplies constants when it loads them, so that the product finds float32 scales. */
function int4Weights(graph: GraphBuilder, weight: WeightSource): Value[] {
  const [codes, scaleCodes, steps, zeros] = weightValues(graph, weight, 'int4', 4);
  const scales = graph.op('Mul', [graph.op('Cast', [scaleCodes], { to: FLOAT }), steps]);
  return [codes, scales, zeros];
}

/** TensorProto.DataType of float32, which `Cast` names its target by. */
const FLOAT = 1;
