import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { WEIGHT_FORMATS, type WeightFormat } from '../weights/weight-format.ts';
import { matrixSize, type WeightSource } from '../weights/weight-source.ts';
import { blockProduct, MIN_BLOCK_COLUMNS } from './block-product.ts';
import { floatWeight } from './float-weight.ts';
import { finished, int8Product } from './int8-product.ts';
import { weightValues } from './weight-values.ts';

/** Weights of a linear layer, as PyTorch keeps them. */
export interface LinearWeights {
  /** Shape [out, in]. */
  readonly weight: WeightSource;
  /** Shape [out]. */
  readonly bias?: WeightSource | undefined;
}

/** What a layer asks for on its own account. */
export interface LinearOptions {
  /** The coarsest format that the layer bears: it takes the place of a coarser one of the graph. */
  readonly coarsest?: WeightFormat | undefined;
  /** Name of the activation that follows, as `activation` takes it; none where left out. */
  readonly activation?: string | undefined;
  /** The configuration's field that named it. */
  readonly field?: string | undefined;
}

/**
 * act(x·Wᵀ + b) over the last dimension, as torch.nn.Linear and an activation: [..., in] -> [..., out], with W in the graph's format:
 *
 * - float32: com.microsoft `FusedMatMul` with `transB`, which reads W as it lies in the checkpoint; ONNX Runtime
 *   packs it once on load, so nothing is transposed and a tied embedding is stored once.
 * - float16: the same behind a `Cast`.
 * - int8: `int8Product`; int4: `blockProduct`. Layers that are too narrow for them stay float32.
 *
 * In every format a row comes out the same to the last bit, whatever rows it runs with.
 */
export function linear(
  graph: GraphBuilder,
  input: Value,
  { weight, bias }: LinearWeights,
  options: LinearOptions = {},
): Value {
  const { activation, field } = options;
  const finish = { bias: bias && floatWeight(graph, bias), activation, field };
  const format = linearFormat(graph, weight, options);
  if (format === 'int8') return int8Product(graph, input, weight, finish);
  return finished(graph, PRODUCTS[format](graph, input, weight), finish);
}

type Product = (graph: GraphBuilder, input: Value, weight: WeightSource) => Value;

const PRODUCTS: Record<Exclude<WeightFormat, 'int8'>, Product> = {
  float32: (graph, input, weight) => floatProduct(graph, input, floatWeight(graph, weight)),
  float16: (graph, input, weight) => {
    const [halves] = weightValues(graph, weight, 'float16', 1);
    return floatProduct(graph, input, graph.op('Cast', [halves], { to: FLOAT }));
  },
  int4: (graph, input, weight) => blockProduct(graph, input, weight, 'int4'),
};

/** TensorProto.DataType of float32, which `Cast` names its target by. */
const FLOAT = 1;

function floatProduct(graph: GraphBuilder, input: Value, weight: Value): Value {
  return graph.op('FusedMatMul', [input, weight], { transB: 1 }, { domain: 'com.microsoft' });
}

/**
 * The format that `linear` stores a weight in: the finer one of the graph's and the layer's coarsest. With few
 * columns scales would be as large as what they scale.
 */
export function linearFormat(
  graph: GraphBuilder,
  { shape }: WeightSource,
  { coarsest = graph.weights }: LinearOptions,
): WeightFormat {
  const format = WEIGHT_FORMATS.find((candidate) => candidate === graph.weights || candidate === coarsest);
  const isNarrow = matrixSize(shape).columns < MIN_BLOCK_COLUMNS;
  return format === undefined || (isNarrow && format !== 'float16') ? 'float32' : format;
}
