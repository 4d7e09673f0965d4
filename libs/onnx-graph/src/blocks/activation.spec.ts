import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import { activation, GraphBuilder } from '../index.ts';
import { distance, evaluate, tensor } from '../spec/run-graph.ts';

const X = [-6, -3, -1, -0.5, 0, 0.5, 1, 3, 6];

/** torch.nn.functional.gelu of X, exact and with approximate='tanh' (PyTorch 2.13). */
const GELU = [
  -6e-9, -0.004049694, -0.158655254, -0.154268769, 0.0, 0.345731231, 0.841344746, 2.995950306, 5.999999994,
];
const GELU_TANH = [
  -0.0, -0.003637392, -0.158808009, -0.15428599, 0.0, 0.34571401, 0.841191991, 2.996362608, 6.0,
];

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const EXPECTED: Record<string, readonly number[]> = {
  gelu: GELU,
  gelu_pytorch_tanh: GELU_TANH,
  gelu_new: GELU_TANH,
  gelu_fast: GELU_TANH,
  quick_gelu: X.map((x) => x * sigmoid(1.702 * x)),
  silu: X.map((x) => x * sigmoid(x)),
  swish: X.map((x) => x * sigmoid(x)),
  relu: X.map((x) => Math.max(x, 0)),
};

for (const [name, expected] of Object.entries(EXPECTED)) {
  test(`${name} gives the reference's values`, async () => {
    const graph = new GraphBuilder({ name });
    graph.output(activation(graph, graph.input('x', 'float32', [X.length]), name), 'y');
    const x = tensor({ shape: [X.length], data: Float32Array.from(X) });
    assert.ok(distance(await evaluate(graph, { x }), expected) < 1e-5);
  });
}

test('an unknown activation is an error that names the field and those that are supported', () => {
  const graph = new GraphBuilder({ name: 'unknown' });
  const x = graph.input('x', 'float32', [1]);
  for (const name of ['mish', 'toString'])
    assert.throws(
      () => activation(graph, x, name, 'text_config.hidden_act'),
      (error) =>
        error instanceof DiptychError &&
        error.code === 'checkpoint_invalid' &&
        error.param === 'text_config.hidden_act' &&
        error.message.includes(name) &&
        error.message.includes('silu'),
    );
});
