import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { INT8_MAX } from '../weights/int8.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { weightValues } from './weight-values.ts';

/**
 * x·Wᵀ with W in signed bytes and x in 16 bits, which are chosen for each row of x as it comes: [..., in] ->
 * [..., out].
 *
 * A row's scale is its largest magnitude. One byte for each element is too few: trained decoders have rows with an
 * element tens of times as large as the others, which then are left with a few levels (docs/weights.md has the
 * numbers). So x becomes two rows of bytes, high and low; ONNX Runtime's integer product, which reads W once for
 * both, takes them as [..., 2, in], and a product with the two bytes' scales [..., 1, 2] puts the row together.
 *
 * Integer sums are exact and every scale belongs to one row, so no row depends on those that it runs with.
 */
export function int8Product(graph: GraphBuilder, input: Value, weight: WeightSource): Value {
  const [codes, columnScales] = weightValues(graph, weight, 'int8', 2);
  const { bytes, scales } = quantizedRows(graph, input);
  const one = graph.constant('float32', [], [1]);
  const products = graph.op(
    'MatMulIntegerToFloat',
    [bytes, codes, one, columnScales, byteZero(graph)],
    {},
    { domain: 'com.microsoft' },
  );
  return graph.op('Squeeze', [graph.op('MatMul', [scales, products]), secondToLast(graph)]);
}

/** Rows of activations in two bytes for each element. */
interface QuantizedRows {
  /** uint8 [..., 2, in]: high bytes, low bytes, both with zero at 128. */
  readonly bytes: Value;
  /** float32 [..., 1, 2]: what a step of the high and of the low bytes stands for. */
  readonly scales: Value;
}

/** Projections of one input (gate and up; query, key and value) share its bytes. */
const quantized = new WeakMap<Value, QuantizedRows>();

function quantizedRows(graph: GraphBuilder, input: Value): QuantizedRows {
  const known = quantized.get(input);
  if (known) return known;
  const rows = quantizeRows(graph, graph.op('Unsqueeze', [input, secondToLast(graph)]));
  quantized.set(input, rows);
  return rows;
}

/** Steps of the low byte within half a step of the high one, on either side of zero. */
const LOW_STEPS = 2 * INT8_MAX;

/** What a row's largest magnitude is at least taken for: a row of zeros is divided by it. */
const TINY = 2 ** -100;

function quantizeRows(graph: GraphBuilder, rows: Value): QuantizedRows {
  const scalar = (value: number) => graph.constant('float32', [], [value]);
  const [highStep, lowStep] = [1 / INT8_MAX, 1 / INT8_MAX / LOW_STEPS];
  const zero = byteZero(graph);
  const last = graph.constant('int64', [1], [-1]);
  const peaks = graph.op('ReduceMax', [graph.op('Abs', [rows]), last], { keepdims: 1 });
  const largest = graph.op('Max', [peaks, scalar(TINY)]);
  const fractions = graph.op('Div', [rows, largest]);
  const high = graph.op('QuantizeLinear', [fractions, scalar(highStep), zero]);
  const rest = graph.op('Sub', [fractions, graph.op('DequantizeLinear', [high, scalar(highStep), zero])]);
  const low = graph.op('QuantizeLinear', [rest, scalar(lowStep), zero]);
  return {
    bytes: graph.op('Concat', [high, low], { axis: -2 }),
    scales: graph.op('Mul', [largest, graph.constant('float32', [2], [highStep, lowStep])]),
  };
}

/** The product is fast for unsigned by signed bytes only, so activations count from 128. */
function byteZero(graph: GraphBuilder): Value {
  return graph.constant('uint8', [], [128]);
}

function secondToLast(graph: GraphBuilder): Value {
  return graph.constant('int64', [1], [-2]);
}
