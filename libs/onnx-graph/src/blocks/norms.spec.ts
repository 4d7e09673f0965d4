import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GraphBuilder, layerNorm, rmsNorm, skipRmsNorm } from '../index.ts';
import { distance, evaluate, noise, row, source, tensor } from '../spec/run-graph.ts';

const HIDDEN = 24;
const SHAPE = [2, 3, HIDDEN];
const x = noise(SHAPE);
const weight = noise([HIDDEN], 2);
const bias = noise([HIDDEN], 3);
const epsilon = 1e-2;

test('layerNorm centres and scales each token', async () => {
  const graph = new GraphBuilder({ name: 'layer-norm' });
  const input = graph.input('x', 'float32', SHAPE);
  graph.output(
    layerNorm(graph, input, { weight: source('w', weight), bias: source('b', bias), epsilon }),
    'y',
  );
  const actual = await evaluate(graph, { x: tensor(x) });
  const expected = perToken(x.data, (token) => {
    const average = mean(token);
    const deviation = Math.sqrt(mean(token.map((value) => (value - average) ** 2)) + epsilon);
    return token.map((value, i) => ((value - average) / deviation) * at(weight.data, i) + at(bias.data, i));
  });
  assert.ok(distance(actual, expected) < 1e-5);
});

test('rmsNorm scales each token by its root mean square', async () => {
  const graph = new GraphBuilder({ name: 'rms-norm' });
  const input = graph.input('x', 'float32', SHAPE);
  graph.output(rmsNorm(graph, input, { weight: source('w', weight), epsilon }), 'y');
  const actual = await evaluate(graph, { x: tensor(x) });
  assert.ok(distance(actual, perToken(x.data, rms)) < 1e-5);
});

test('skipRmsNorm normalises the sum with the residual, and yields that sum', async () => {
  const skip = noise(SHAPE, 4);
  const sum = x.data.map((value, i) => value + at(skip.data, i));
  for (const [part, expected] of [
    ['normalized', perToken(sum, rms)],
    ['sum', Array.from(sum)],
  ] as const) {
    const graph = new GraphBuilder({ name: 'skip-rms-norm' });
    const [a, b] = [graph.input('x', 'float32', SHAPE), graph.input('skip', 'float32', SHAPE)];
    graph.output(skipRmsNorm(graph, a, b, { weight: source('w', weight), epsilon })[part], 'y');
    const actual = await evaluate(graph, { x: tensor(x), skip: tensor(skip) });
    assert.ok(distance(actual, expected) < 1e-5, part);
  }
});

function rms(token: readonly number[]): number[] {
  const root = Math.sqrt(mean(token.map((value) => value ** 2)) + epsilon);
  return token.map((value, i) => (value / root) * at(weight.data, i));
}

function perToken(data: Float32Array, normalize: (token: number[]) => number[]): number[] {
  return Array.from({ length: data.length / HIDDEN }, (_, i) => normalize([...row(data, i, HIDDEN)])).flat();
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function at(data: Float32Array, index: number): number {
  return data[index] ?? NaN;
}
