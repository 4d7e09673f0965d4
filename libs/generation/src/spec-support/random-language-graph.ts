import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  cachedAttention,
  embedding,
  GRAPH_FILE,
  GraphBuilder,
  gatedMlp,
  head,
  type LinearWeights,
  linear,
  rmsNorm,
  rotaryEmbedding,
  type Value,
  type WeightFormat,
  type WeightSource,
} from '@diptych/onnx-graph';
import { OnnxDecoder, type OnnxDecoderOptions } from '../decoder.ts';

/** Sizes of a random decoder. */
export interface RandomModel {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediate: number;
  readonly vocab: number;
  /** Rows of the rotary tables. */
  readonly context: number;
  /** How weights are stored; float32 where left out. */
  readonly weights?: WeightFormat;
}

/** Small, and of shapes that no vector width divides evenly. */
export const TINY: RandomModel = {
  layers: 2,
  hidden: 48,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  intermediate: 72,
  vocab: 101,
  context: 32,
};

/** One layer as wide as those of small real models: enough for kernels to cut the work between threads. */
export const WIDE: RandomModel = {
  layers: 1,
  hidden: 512,
  heads: 8,
  kvHeads: 4,
  headDim: 64,
  intermediate: 1024,
  vocab: 509,
  context: 32,
};

/** A loaded decoder with random weights over the contract of compiled language graphs. */
export async function randomDecoder(
  model: RandomModel,
  options: Omit<OnnxDecoderOptions, 'graphPath'>,
): Promise<OnnxDecoder> {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-generation-'));
  try {
    await languageGraph(model, folder).save(folder);
    return await OnnxDecoder.load({ graphPath: join(folder, GRAPH_FILE), ...options });
  } finally {
    await rm(folder, { recursive: true });
  }
}

function languageGraph(model: RandomModel, folder: string): GraphBuilder {
  const weight = weightsIn(folder);
  const graph = new GraphBuilder({ name: 'random decoder', weights: model.weights });
  const ids = graph.input('input_ids', 'int64', ['batch', 'length']);
  const features = graph.input('image_features', 'float32', ['image_rows', model.hidden]);
  const places = graph.input('image_positions', 'int64', ['image_rows', 1]);
  const logitPositions = graph.input('logit_positions', 'int64', ['rows']);
  const lengths = {
    seqlensK: graph.input('seqlens_k', 'int32', ['batch']),
    totalSequenceLength: graph.input('total_sequence_length', 'int32', [1]),
  };
  const table = weight('embedding', [model.vocab, model.hidden], random);
  const embedded = embedding(graph, table, ids);
  const rows = graph.op('ScatterND', [flatten(graph, embedded, model), places, features]);
  let stream = graph.op('Reshape', [rows, graph.op('Shape', [embedded])]);
  const rotary = rotaryEmbedding(graph, {
    headDim: model.headDim,
    theta: 10_000,
    maxPositions: model.context,
  });
  for (let index = 0; index < model.layers; index += 1)
    stream = layer(graph, stream, { ...model, index, rotary, lengths, weight });
  const asked = graph.op('Gather', [flatten(graph, stream, model), logitPositions], { axis: 0 });
  const logits = head(graph, norm(graph, asked, 'norm', { ...model, weight }), table);
  graph.output(logits, 'logits', { type: 'float32', shape: ['rows', model.vocab] });
  return graph;
}

interface Weighted extends RandomModel {
  readonly weight: StoreWeight;
}

interface Layer extends Weighted {
  readonly index: number;
  readonly rotary: ReturnType<typeof rotaryEmbedding>;
  readonly lengths: { readonly seqlensK: Value; readonly totalSequenceLength: Value };
}

function layer(graph: GraphBuilder, input: Value, options: Layer): Value {
  const { index, hidden, heads, kvHeads, headDim, intermediate, rotary, lengths } = options;
  const project = (name: string, out: number, width: number): LinearWeights => ({
    weight: options.weight(name, [out, width], random),
  });
  const shape = ['batch', kvHeads, 'capacity', headDim];
  const attention = cachedAttention(graph, {
    qkv: linear(
      graph,
      norm(graph, input, `${index}.a`, options),
      project(`${index}.qkv`, (heads + 2 * kvHeads) * headDim, hidden),
    ),
    heads,
    kvHeads,
    headDim,
    rotary,
    pastKey: graph.input(`past_key.${index}`, 'float32', shape),
    pastValue: graph.input(`past_value.${index}`, 'float32', shape),
    ...lengths,
  });
  graph.output(attention.presentKey, `present_key.${index}`, { type: 'float32', shape });
  graph.output(attention.presentValue, `present_value.${index}`, { type: 'float32', shape });
  const attended = graph.op('Add', [
    input,
    linear(graph, attention.output, project(`${index}.o`, hidden, heads * headDim)),
  ]);
  const mlp = gatedMlp(graph, norm(graph, attended, `${index}.b`, options), {
    gate: project(`${index}.gate`, intermediate, hidden),
    up: project(`${index}.up`, intermediate, hidden),
    down: project(`${index}.down`, hidden, intermediate),
    activation: 'silu',
  });
  return graph.op('Add', [attended, mlp]);
}

function norm(graph: GraphBuilder, input: Value, name: string, { hidden, weight }: Weighted): Value {
  const ones = weight(`${name}.norm`, [hidden], (_, length) => new Float32Array(length).fill(1));
  return rmsNorm(graph, input, { weight: ones, epsilon: 1e-5 });
}

function flatten(graph: GraphBuilder, value: Value, { hidden }: RandomModel): Value {
  return graph.op('Reshape', [value, graph.constant('int64', [2], [-1, hidden])]);
}

type StoreWeight = (
  name: string,
  shape: readonly number[],
  make: (name: string, length: number) => Float32Array,
) => WeightSource;

/** Weights are read from files; these stand beside the graph. */
function weightsIn(folder: string): StoreWeight {
  return (name, shape, make) => {
    const path = join(folder, `${name}.weight`);
    const elements = shape.reduce((product, dimension) => product * dimension, 1);
    writeFileSync(path, make(name, elements));
    return { name, shape, parts: [{ path, offset: 0, dtype: 'F32', elements, tensor: name }] };
  };
}

/** Numbers in [-0.25, 0.25) that depend on the name alone: a linear congruential generator. */
export function random(name: string, length: number): Float32Array {
  let state = Buffer.from(name).reduce((hash, byte) => (hash * 31 + byte) >>> 0, 7);
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 33 - 0.25;
  });
}
