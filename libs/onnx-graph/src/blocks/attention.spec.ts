import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GraphBuilder, groupQueryAttention, multiHeadAttention, rotaryEmbedding } from '../index.ts';
import {
  distance,
  dot,
  evaluate,
  type FloatTensor,
  int32Tensor,
  noise,
  runGraph,
  tensor,
} from '../spec/run-graph.ts';
import { rotaryCaches } from './rotary-caches.ts';

const HEAD_DIM = 16;

test('multiHeadAttention lets every position see every other', async () => {
  const [batch, length, heads] = [2, 5, 3];
  const shape = [batch, length, heads * HEAD_DIM];
  const parts = { query: noise(shape, 1), key: noise(shape, 2), value: noise(shape, 3) };
  const bias = noise([1, 1, length, length], 4);
  for (const withBias of [false, true]) {
    const graph = new GraphBuilder({ name: 'mha' });
    const inputs = {
      query: graph.input('query', 'float32', shape),
      key: graph.input('key', 'float32', shape),
      value: graph.input('value', 'float32', shape),
    };
    const added = withBias ? { bias: graph.input('bias', 'float32', bias.shape) } : {};
    graph.output(multiHeadAttention(graph, { ...inputs, ...added, heads, scale: 0.4 }), 'y');
    const feeds = { query: tensor(parts.query), key: tensor(parts.key), value: tensor(parts.value) };
    const actual = await evaluate(graph, withBias ? { ...feeds, bias: tensor(bias) } : feeds);
    const vector = (part: FloatTensor) => (b: number, position: number, head: number) =>
      slice(part.data, ((b * length + position) * heads + head) * HEAD_DIM);
    const expected = tokens(batch, length, heads, (b, position, head) =>
      attend({
        query: vector(parts.query)(b, position, head),
        keys: range(0, length).map((k) => vector(parts.key)(b, k, head)),
        values: range(0, length).map((k) => vector(parts.value)(b, k, head)),
        scale: 0.4,
        bias: (k) => (withBias ? (bias.data[position * length + k] ?? NaN) : 0),
      }),
    );
    assert.ok(distance(actual, expected) < 1e-5);
  }
});

const HEADS = 4;
const KV_HEADS = 2;
const CAPACITY = 16;
const WIDTH = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
const THETA = 100;

test('groupQueryAttention attends causally over the cache, also when a prompt comes in chunks', async () => {
  await compareDecoder({ lengths: [9], steps: [5, 4] });
});

test('groupQueryAttention takes sequences of different lengths in one step', async () => {
  await compareDecoder({ lengths: [9, 4], steps: [1] });
});

test('groupQueryAttention sees as many positions as the sliding window has, itself among them', async () => {
  await compareDecoder({ lengths: [9, 9], steps: [9], slidingWindow: 3 });
  await compareDecoder({ lengths: [9, 4], steps: [1], slidingWindow: 3 });
  await compareDecoder({ lengths: [9], steps: [5, 4], slidingWindow: 3 });
});

test('groupQueryAttention takes a scale of its own and no rotation', async () => {
  await compareDecoder({ lengths: [6], steps: [6], scale: 0.7, rotary: false });
});

interface DecoderCase {
  /** Total length of each sequence after the last step. */
  readonly lengths: readonly number[];
  /** New positions in each step; those before the first step are in the cache from the start. */
  readonly steps: readonly number[];
  readonly slidingWindow?: number;
  readonly scale?: number;
  readonly rotary?: boolean;
}

/** Runs the steps one after the other, and compares each with attention computed from scratch. */
async function compareDecoder(options: DecoderCase): Promise<void> {
  const { lengths, steps } = options;
  const sequences = lengths.map((length, index) => noise([length, WIDTH], 10 + index).data);
  const newTokens = steps.reduce((sum, step) => sum + step, 0);
  let cache: { key: FloatTensor; value: FloatTensor } = initialCache(options, sequences, newTokens);
  let done = lengths.map((length) => length - newTokens);
  for (const step of steps) {
    const totals = done.map((past) => past + step);
    const qkv = sequences.flatMap((data, b) => [
      ...data.subarray((done[b] ?? 0) * WIDTH, (totals[b] ?? 0) * WIDTH),
    ]);
    const { y, key, value } = await runGraph(decoderGraph(options), {
      qkv: tensor({ shape: [lengths.length, step, WIDTH], data: Float32Array.from(qkv) }),
      past_key: tensor(cache.key),
      past_value: tensor(cache.value),
      seqlens_k: int32Tensor(totals.map((total) => total - 1)),
      total: int32Tensor([Math.max(...totals)]),
    });
    assert.ok(y && key && value);
    const expected = tokens(lengths.length, step, HEADS, (b, position, head) =>
      expectedOutput(options, sequences[b] ?? new Float32Array(), (done[b] ?? 0) + position, head),
    );
    assert.ok(distance(y.data, expected) < 1e-5, JSON.stringify(options));
    cache = { key, value };
    done = totals;
  }
}

function decoderGraph({ slidingWindow, scale, rotary = true }: DecoderCase): GraphBuilder {
  const graph = new GraphBuilder({ name: 'gqa' });
  const cacheShape = ['batch', KV_HEADS, CAPACITY, HEAD_DIM];
  const { output, presentKey, presentValue } = groupQueryAttention(graph, {
    qkv: graph.input('qkv', 'float32', ['batch', 'length', WIDTH]),
    heads: HEADS,
    kvHeads: KV_HEADS,
    ...(scale === undefined ? {} : { scale }),
    ...(slidingWindow === undefined ? {} : { slidingWindow }),
    ...(rotary
      ? { rotary: rotaryEmbedding(graph, { headDim: HEAD_DIM, theta: THETA, maxPositions: CAPACITY }) }
      : {}),
    pastKey: graph.input('past_key', 'float32', cacheShape),
    pastValue: graph.input('past_value', 'float32', cacheShape),
    seqlensK: graph.input('seqlens_k', 'int32', ['batch']),
    totalSequenceLength: graph.input('total', 'int32', [1]),
  });
  graph.output(output, 'y');
  graph.output(presentKey, 'key');
  graph.output(presentValue, 'value');
  return graph;
}

function expectedOutput(
  options: DecoderCase,
  sequence: Float32Array,
  position: number,
  head: number,
): number[] {
  const kvHead = Math.floor((head * KV_HEADS) / HEADS);
  const first = Math.max(0, position + 1 - (options.slidingWindow ?? Infinity));
  const seen = range(first, position + 1);
  return attend({
    query: rotated(options, packed(sequence, position, head), position),
    keys: seen.map((p) => rotated(options, packed(sequence, p, HEADS + kvHead), p)),
    values: seen.map((p) => packed(sequence, p, HEADS + KV_HEADS + kvHead)),
    scale: options.scale ?? 1 / Math.sqrt(HEAD_DIM),
  });
}

function initialCache(options: DecoderCase, sequences: readonly Float32Array[], newTokens: number) {
  const shape = [sequences.length, KV_HEADS, CAPACITY, HEAD_DIM];
  const key = { shape, data: new Float32Array(sequences.length * KV_HEADS * CAPACITY * HEAD_DIM) };
  const value = { shape, data: new Float32Array(key.data.length) };
  for (const [b, sequence] of sequences.entries())
    for (const head of range(0, KV_HEADS))
      for (const p of range(0, sequence.length / WIDTH - newTokens)) {
        const offset = ((b * KV_HEADS + head) * CAPACITY + p) * HEAD_DIM;
        key.data.set(rotated(options, packed(sequence, p, HEADS + head), p), offset);
        value.data.set(packed(sequence, p, HEADS + KV_HEADS + head), offset);
      }
  return { key, value };
}

/** transformers' apply_rotary_pos_emb: the halves of a head are the parts of complex numbers. */
function rotated({ rotary = true }: DecoderCase, vector: number[], position: number): number[] {
  if (!rotary) return vector;
  const { cos, sin } = rotaryCaches({ headDim: HEAD_DIM, theta: THETA, maxPositions: CAPACITY });
  const half = HEAD_DIM / 2;
  return vector.map((component, i) => {
    const angle = position * half + (i % half);
    const other = i < half ? -(vector[i + half] ?? NaN) : (vector[i - half] ?? NaN);
    return component * (cos[angle] ?? NaN) + other * (sin[angle] ?? NaN);
  });
}

function packed(sequence: Float32Array, position: number, head: number): number[] {
  return slice(sequence, position * WIDTH + head * HEAD_DIM);
}

interface AttendOptions {
  readonly query: number[];
  readonly keys: number[][];
  readonly values: number[][];
  readonly scale: number;
  readonly bias?: (index: number) => number;
}

function attend({ query, keys, values, scale, bias = () => 0 }: AttendOptions): number[] {
  const weights = keys.map((key, index) => Math.exp(dot(query, key) * scale + bias(index)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return query.map(
    (_, i) =>
      dot(
        weights,
        values.map((value) => value[i] ?? NaN),
      ) / total,
  );
}

function tokens(
  batch: number,
  length: number,
  heads: number,
  output: (b: number, position: number, head: number) => number[],
): number[] {
  return range(0, batch).flatMap((b) =>
    range(0, length).flatMap((position) => range(0, heads).flatMap((head) => output(b, position, head))),
  );
}

function slice(data: Float32Array, offset: number): number[] {
  return [...data.subarray(offset, offset + HEAD_DIM)];
}

function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index);
}
