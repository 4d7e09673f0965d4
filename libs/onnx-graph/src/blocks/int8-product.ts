import { hasRotatedBytes, rotatedBytesName } from '@diptych/kernels';
import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { INT8_MAX } from '../weights/int8.ts';
import { rotationBlock } from '../weights/rotation.ts';
import { matrixSize, type WeightSource } from '../weights/weight-source.ts';
import { rotatedRows } from './rotated-rows.ts';
import { weightValues } from './weight-values.ts';

/**
 * x·Wᵀ with W in signed bytes and x in bytes that are chosen for each row of x as it comes: [..., in] -> [..., out].
 *
 * A row's scale is its largest magnitude. Trained models have rows with an element tens of times as large as the others,
 * which would be left with a few levels (docs/weights.md has the numbers). So both sides are rotated, W when it is stored
 * and x as it comes, which leaves the product as it is and spreads such an element over its block of 64: the idea of
 * QuaRot (arXiv:2404.00456), with the rotation inside blocks of one input.
 *
 * Integer sums are exact and every scale belongs to one row, so no row depends on those that it runs with.
 */
export function int8Product(graph: GraphBuilder, input: Value, weight: WeightSource): Value {
  const [codes, columnScales] = weightValues(graph, weight, 'int8', 2);
  const { bytes, peaks } = quantizedRows(graph, input, matrixSize(weight.shape).columns);
  const product = graph.op(
    'MatMulIntegerToFloat',
    [bytes, codes, step(graph), columnScales, byteZero(graph)],
    {},
    { domain: 'com.microsoft' },
  );
  return graph.op('Mul', [product, peaks]);
}

/** Rows of activations in bytes. */
interface QuantizedRows {
  /** uint8 [..., in], zero at 128: in steps of a 127th of the row's peak. */
  readonly bytes: Value;
  /** float32 [..., 1]: the largest magnitude of each rotated row. */
  readonly peaks: Value;
}

/** Projections of one input (gate and up; query, key and value) share its bytes. */
const quantized = new WeakMap<Value, QuantizedRows>();

function quantizedRows(graph: GraphBuilder, input: Value, columns: number): QuantizedRows {
  const known = quantized.get(input);
  if (known) return known;
  const rows = quantizeRows(graph, input, columns);
  quantized.set(input, rows);
  return rows;
}

/** In one operator where there is code for it; what it does is the same either way, but for the last bits. */
function quantizeRows(graph: GraphBuilder, input: Value, columns: number): QuantizedRows {
  const sizes = { columns, block: rotationBlock(columns) };
  const define = (body: GraphBuilder, values: Value) => {
    const { bytes, peaks } = quantizeRotated(body, rotatedRows(body, values, columns));
    return [bytes, peaks] as const;
  };
  const [bytes, peaks] = hasRotatedBytes(sizes)
    ? graph.operator(rotatedBytesName(sizes), [input], (body, [values]) => define(body, values))
    : define(graph, input);
  return { bytes, peaks };
}

/** A row of zeros is divided by zero, and becomes some bytes or other: its peak makes zeros of their product again. */
function quantizeRotated(graph: GraphBuilder, rows: Value): QuantizedRows {
  const last = graph.constant('int64', [1], [-1]);
  const peaks = graph.op('ReduceMax', [graph.op('Abs', [rows]), last], { keepdims: 1 });
  const fractions = graph.op('Div', [rows, peaks]);
  return { bytes: graph.op('QuantizeLinear', [fractions, step(graph), byteZero(graph)]), peaks };
}

function step(graph: GraphBuilder): Value {
  return graph.constant('float32', [], [1 / INT8_MAX]);
}

/** The product is fast for unsigned by signed bytes only, so activations count from 128. */
function byteZero(graph: GraphBuilder): Value {
  return graph.constant('uint8', [], [128]);
}
