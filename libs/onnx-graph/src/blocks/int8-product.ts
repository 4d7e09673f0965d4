import {
  type Gate,
  hasRotatedBytes,
  hasScaledRows,
  rotatedBytesName,
  scaledRowsName,
} from '@diptych/kernels';
import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { INT8_MAX } from '../weights/int8.ts';
import { rotationBlock } from '../weights/rotation.ts';
import { matrixSize, type WeightSource } from '../weights/weight-source.ts';
import { activation } from './activation.ts';
import { rotatedRows } from './rotated-rows.ts';
import { weightValues } from './weight-values.ts';

/** What follows a product. */
export interface Finish {
  /** float32 [out]. */
  readonly bias?: Value | undefined;
  /** Name of an activation, as `activation` takes it. */
  readonly activation?: string | undefined;
  /** The configuration's field that named it. */
  readonly field?: string | undefined;
}

/**
 * act(x·Wᵀ + b) with W in signed bytes and x in bytes that are chosen for each row of x as it comes: [..., in] -> [..., out].
 *
 * A row's scale is its largest magnitude. Trained models have rows with an element tens of times as large as the others,
 * which would be left with a few levels (docs/weights.md has the numbers). So both sides are rotated, W when it is stored
 * and x as it comes, which leaves the product as it is and spreads such an element over its block of 64: the idea of
 * QuaRot (arXiv:2404.00456), with the rotation inside blocks of one input.
 *
 * Integer sums are exact and every scale belongs to one row, so no row depends on those that it runs with.
 */
export function int8Product(graph: GraphBuilder, input: Value, weight: WeightSource, finish: Finish): Value {
  const [codes, columnScales] = weightValues(graph, weight, 'int8', 2);
  const { rows, columns } = matrixSize(weight.shape);
  const { bytes, peaks } = quantizedRows(graph, input, columns);
  const product = graph.op(
    'MatMulIntegerToFloat',
    [bytes, codes, step(graph), columnScales, byteZero(graph)],
    {},
    { domain: 'com.microsoft' },
  );
  return finishRows(graph, product, { ...finish, peaks, columns: rows });
}

/** Rows times their peaks, and what follows; in one operator where there is code for it. */
function finishRows(
  graph: GraphBuilder,
  product: Value,
  { peaks, columns, ...finish }: Finish & { readonly peaks: Value; readonly columns: number },
): Value {
  const gate = GATES[finish.activation ?? ''];
  const fused = gate === undefined ? { bias: finish.bias } : finish;
  const rest = gate === undefined ? { activation: finish.activation, field: finish.field } : {};
  const { bias } = fused;
  const inputs = [product, peaks, ...(bias ? [bias] : [])];
  const define = (body: GraphBuilder, [rows, factors, shift]: readonly Value[]) =>
    finished(body, body.op('Mul', [rows, factors]), { ...fused, bias: shift });
  if (!hasScaledRows({ columns })) return finished(graph, define(graph, inputs), rest);
  const name = scaledRowsName({ columns, bias: bias !== undefined, gate });
  const [scaled] = graph.operator(name, inputs, (body, values) => [define(body, values)]);
  return finished(graph, scaled, rest);
}

/** The bias and the activation, as ONNX Runtime has them. */
export function finished(graph: GraphBuilder, rows: Value, { bias, activation: name, field }: Finish): Value {
  const shifted = bias ? graph.op('Add', [rows, bias]) : rows;
  return name === undefined ? shifted : activation(graph, shifted, name, field);
}

/** Activations that there is code for. */
const GATES: Readonly<Record<string, Gate>> = {
  silu: 'silu',
  swish: 'silu',
  quick_gelu: 'quick',
  gelu_pytorch_tanh: 'tanh',
  gelu_new: 'tanh',
  gelu_fast: 'tanh',
};

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
