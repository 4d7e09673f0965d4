import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { InferenceSession } from 'onnxruntime-node';
import { ModelProtoSchema } from './gen/onnx_pb.js';
import { floatWeight, GraphBuilder, linear } from './index.ts';
import { GRAPH_FILE, WEIGHTS_FILE } from './save-model.ts';
import { distance, evaluate, noise, runGraph, source, tensor, withSaved } from './spec/run-graph.ts';

const LARGE = [40, 50];

test('large weights go to the data file, each at a page of its own, small ones into the graph', async () => {
  const graph = new GraphBuilder({ name: 'weights' });
  const [a, b] = [noise(LARGE, 1), noise(LARGE, 2)];
  const small = noise([50], 3);
  const sum = ['a', 'b'].reduce(
    (value, name, i) => graph.op('Add', [value, floatWeight(graph, source(name, [a, b][i] ?? small))]),
    floatWeight(graph, source('small', small)),
  );
  graph.output(sum, 'y');
  await withSaved(graph, async (folder) => {
    const { graph: saved } = fromBinary(ModelProtoSchema, await readFile(join(folder, GRAPH_FILE)));
    const data = await readFile(join(folder, WEIGHTS_FILE));
    const offsets = ['a', 'b'].map((name) => {
      const weight = saved?.initializer.find((initializer) => initializer.name === name);
      return Number(weight?.externalData.find(({ key }) => key === 'offset')?.value);
    });
    assert.deepEqual(offsets, [0, 8192]);
    assert.deepEqual(new Uint8Array(data.subarray(8192)), new Uint8Array(b.data.buffer));
    assert.equal(saved?.initializer.find(({ name }) => name === 'small')?.rawData?.length, 200);
  });
  const expected = a.data.map((value, i) => value + (b.data[i] ?? NaN) + (small.data[i % 50] ?? NaN));
  assert.ok(distance(await evaluate(graph, {}), expected) < 1e-6);
});

test('a weight that is asked for twice is stored once', async () => {
  const tied = source('embedding', noise(LARGE));
  const graph = new GraphBuilder({ name: 'tied' });
  const row = graph.op('Gather', [floatWeight(graph, tied), graph.constant('int64', [1], [3])], { axis: 0 });
  graph.output(linear(graph, row, { weight: tied }), 'y');
  await withSaved(graph, async (folder) => {
    assert.equal((await stat(join(folder, WEIGHTS_FILE))).size, 40 * 50 * 4);
  });
});

test('graphs of other names lie side by side in a folder, each with its weights', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-graphs-'));
  try {
    for (const name of ['head', 'tail']) {
      const graph = new GraphBuilder({ name });
      graph.output(floatWeight(graph, source(name, noise(LARGE))), 'weight');
      await graph.save(folder, { fileName: `${name}.onnx` });
      await InferenceSession.create(join(folder, `${name}.onnx`));
    }
    const files = ['head.onnx', 'head.onnx.data', 'tail.onnx', 'tail.onnx.data'];
    assert.deepEqual((await readdir(folder)).sort(), files);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('inputs and outputs keep their names, types and shapes', async () => {
  const graph = new GraphBuilder({ name: 'signature' });
  const x = graph.input('x', 'float32', ['batch', 4]);
  graph.output(graph.op('Relu', [x]), 'positive', { type: 'float32', shape: ['batch', 4] });
  graph.output(graph.op('Shape', [x]), 'inferred');
  const [inputs, outputs] = await withSaved(graph, async (folder) => {
    const session = await InferenceSession.create(join(folder, GRAPH_FILE));
    return [session.inputMetadata, session.outputMetadata];
  });
  assert.deepEqual(inputs, [{ name: 'x', isTensor: true, type: 'float32', shape: ['batch', 4] }]);
  assert.deepEqual(outputs, [
    { name: 'positive', isTensor: true, type: 'float32', shape: ['batch', 4] },
    { name: 'inferred', isTensor: true, type: 'int64', shape: [2] },
  ]);
});

test('an input or an output can be an output again under another name', async () => {
  const graph = new GraphBuilder({ name: 'aliases' });
  const x = noise([3]);
  const input = graph.input('x', 'float32', [3]);
  const negative = graph.op('Neg', [input]);
  graph.output(negative, 'a');
  graph.output(negative, 'b');
  graph.output(input, 'c');
  const { a, b, c } = await runGraph(graph, { x: tensor(x) });
  assert.deepEqual(a?.data, b?.data);
  assert.deepEqual(
    a?.data,
    x.data.map((value) => -value),
  );
  assert.deepEqual(c?.data, x.data);
});

test('an operator can have several outputs', async () => {
  const graph = new GraphBuilder({ name: 'split' });
  const [left, right] = graph.op(
    'Split',
    [graph.input('x', 'float32', [4]), graph.constant('int64', [2], [1, 3])],
    { axis: 0 },
    { outputs: 2 },
  );
  graph.output(left, 'left');
  graph.output(right, 'right');
  const outputs = await runGraph(graph, { x: tensor({ shape: [4], data: Float32Array.of(1, 2, 3, 4) }) });
  assert.deepEqual(outputs['left']?.data, Float32Array.of(1));
  assert.deepEqual(outputs['right']?.data, Float32Array.of(2, 3, 4));
});

test('constants of every type keep their values', async () => {
  for (const type of ['float32', 'int64', 'int32', 'int8', 'uint8', 'bool'] as const) {
    const graph = new GraphBuilder({ name: type });
    const value = graph.constant(type, [2], [0, 1]);
    graph.output(graph.op('Cast', [value], { to: 1 }), 'y');
    assert.deepEqual(await evaluate(graph, {}), Float32Array.of(0, 1), type);
  }
});

test('a float16 constant is given as its bits', async () => {
  const graph = new GraphBuilder({ name: 'half' });
  const value = graph.constant('float16', [2], Uint16Array.of(0x3c00, 0xc000));
  graph.output(graph.op('Cast', [value], { to: 1 }), 'y');
  assert.deepEqual(await evaluate(graph, {}), Float32Array.of(1, -2));
  assert.throws(() => graph.constant('float16', [1], [1]), { name: 'AssertionError' });
});

test('equal constants are one', () => {
  const graph = new GraphBuilder({ name: 'constants' });
  assert.equal(graph.constant('int64', [1], [7]), graph.constant('int64', [1], [7]));
  assert.notEqual(graph.constant('int64', [1], [7]), graph.constant('int64', [], [7]));
});

test('mistakes in building a graph fail where they are made', () => {
  const graph = new GraphBuilder({ name: 'mistakes' });
  const x = graph.input('x', 'float32', [1]);
  const failure = { name: 'AssertionError' };
  assert.throws(() => graph.input('x', 'float32', [1]), failure);
  assert.throws(() => graph.output(x, 'x'), failure);
  assert.throws(() => new GraphBuilder({ name: 'other' }).op('Relu', [x]), failure);
  assert.throws(() => graph.op('Softmax', [x], { axis: 0.5 }), failure);
  assert.throws(() => graph.constant('int64', [2], [1]), failure);
  const weight = source('w', noise([2]));
  graph.weight(weight, 'float32');
  assert.throws(() => graph.weight(source('w', noise([2])), 'float32'), failure);
  assert.throws(() => graph.weight({ ...weight, name: 'v', shape: [3] }, 'float32'), failure);
});
