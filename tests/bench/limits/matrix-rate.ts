import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GRAPH_FILE, GraphBuilder, type Value } from '@diptych/onnx-graph';
import { Session, Tensor } from '@diptych/onnxruntime';

/** Operations a second of one large product: floats, and bytes with a scale for each column. */
export interface MatrixRate {
  readonly float32: readonly number[];
  readonly int8: readonly number[];
}

/** What to multiply. */
export interface MatrixOptions {
  readonly threads: number;
  /** Of the square matrices. */
  readonly edge: number;
  readonly samples: number;
}

/** Measures one product of each kind. */
export async function matrixRate(options: MatrixOptions): Promise<MatrixRate> {
  return { float32: await rateOf(floatProduct, options), int8: await rateOf(byteProduct, options) };
}

type Product = (graph: GraphBuilder, input: Value, edge: number) => Value;

const floatProduct: Product = (graph, input, edge) => {
  const weights = () => new Float32Array(edge * edge).fill(0.5);
  return graph.op('MatMul', [input, graph.computed('weights', 'float32', [edge, edge], weights)]);
};

const byteProduct: Product = (graph, input, edge) => {
  const weights = () => new Int8Array(edge * edge).fill(3);
  const codes = graph.computed('weights', 'int8', [edge, edge], weights);
  const scale = graph.constant('float32', [], [0.01]);
  return graph.op('DynamicQuantizeMatMul', [input, codes, scale], {}, { domain: 'com.microsoft' });
};

async function rateOf(product: Product, options: MatrixOptions): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-bench-'));
  try {
    const graph = new GraphBuilder({ name: 'product' });
    const shape = [options.edge, options.edge];
    const input = graph.input('input', 'float32', shape);
    graph.output(product(graph, input, options.edge), 'output', { type: 'float32', shape });
    await graph.save(folder);
    return await timeRuns(join(folder, GRAPH_FILE), options);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function timeRuns(path: string, { threads, edge, samples }: MatrixOptions): Promise<number[]> {
  using session = await Session.load(path, { intraOpThreads: threads });
  using binding = session.createBinding();
  using input = Tensor.over('float32', [edge, edge], new Float32Array(edge * edge).fill(1));
  using output = Tensor.over('float32', [edge, edge], new Float32Array(edge * edge));
  binding.bindInput('input', input);
  binding.bindOutput('output', output);
  await session.run(binding);
  const rates: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const begin = performance.now();
    await session.run(binding);
    rates.push((2 * edge ** 3) / ((performance.now() - begin) / 1000));
  }
  return rates;
}
