import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GRAPH_FILE, type GraphBuilder, type WeightSource } from '../index.ts';

/** A float32 tensor by its shape and elements. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Saves a graph in a temporary folder, gives it to `use` and removes it. */
export async function withSaved<T>(graph: GraphBuilder, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-graph-'));
  try {
    await graph.save(folder);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * Runs a graph and returns its outputs by name. Through ONNX Runtime's public binding: @diptych/onnxruntime
 * is itself tested with graphs of this library.
 */
export async function runGraph(
  graph: GraphBuilder,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Readonly<Record<string, FloatTensor>>> {
  return withSaved(graph, async (folder) => {
    const session = await InferenceSession.create(join(folder, GRAPH_FILE), { intraOpNumThreads: 1 });
    const outputs = Object.entries(await session.run(inputs));
    await session.release();
    return Object.fromEntries(outputs.map(([name, output]) => [name, floatTensor(output)]));
  });
}

/** Runs a graph whose only output is `y`. */
export async function evaluate(
  graph: GraphBuilder,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Float32Array> {
  const { y } = await runGraph(graph, inputs);
  if (!y) throw new TypeError('the graph has no output y');
  return y.data;
}

function floatTensor({ data, dims }: { data: unknown; dims: readonly number[] }): FloatTensor {
  if (!(data instanceof Float32Array)) throw new TypeError('the output is not float32');
  return { shape: dims, data };
}

/** A source of weights that are given, in a file that lasts as long as this process. */
export function source(name: string, { shape, data }: FloatTensor): WeightSource {
  folder ??= temporaryFolder();
  const path = join(folder, `${(files += 1)}.bin`);
  writeFileSync(path, data);
  return { name, shape, parts: [{ path, offset: 0, dtype: 'F32', elements: data.length, tensor: name }] };
}

let folder: string | undefined;
let files = 0;

function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'diptych-weights-'));
  process.once('exit', () => rmSync(path, { recursive: true }));
  return path;
}

/** Deterministic numbers between -1 and 1 that look random. */
export function noise(shape: readonly number[], seed = 1): FloatTensor {
  let state = seed;
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  return { shape, data };
}

/** The elements as a tensor of ONNX Runtime. */
export function tensor({ shape, data }: FloatTensor): Tensor {
  return new Tensor('float32', data, shape);
}

/** An int32 tensor of one dimension. */
export function int32Tensor(values: readonly number[]): Tensor {
  return new Tensor('int32', Int32Array.from(values), [values.length]);
}

/** Row `index` of a matrix whose rows have `width` elements. */
export function row(data: Float32Array, index: number, width: number): Float32Array {
  return data.slice(index * width, (index + 1) * width);
}

/** Sum of products. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** Largest absolute difference of two tensors of one size. */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  const differences = Array.from(actual).map((value, i) => Math.abs(value - (expected[i] ?? NaN)));
  return differences.some(Number.isNaN) ? Infinity : Math.max(...differences);
}
