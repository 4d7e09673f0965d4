import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GraphBuilder, gatedMlp } from '../index.ts';
import { distance, dot, evaluate, type FloatTensor, noise, row, source, tensor } from '../spec/run-graph.ts';

test('gatedMlp is down(silu(gate(x)) · up(x))', async () => {
  const [hidden, intermediate, rows] = [6, 10, 3];
  const [gate, up] = [noise([intermediate, hidden], 2), noise([intermediate, hidden], 3)];
  const down = noise([hidden, intermediate], 4);
  const x = noise([1, rows, hidden]);
  const graph = new GraphBuilder({ name: 'mlp' });
  const y = gatedMlp(graph, graph.input('x', 'float32', x.shape), {
    gate: { weight: source('gate', gate) },
    up: { weight: source('up', up) },
    down: { weight: source('down', down) },
    activation: 'silu',
  });
  graph.output(y, 'y');
  const expected = Array.from({ length: rows }, (_, token) => {
    const input = row(x.data, token, hidden);
    const ups = multiply(up, input);
    const gated = multiply(gate, input).map((value, i) => (value / (1 + Math.exp(-value))) * (ups[i] ?? NaN));
    return multiply(down, gated);
  }).flat();
  assert.ok(distance(await evaluate(graph, { x: tensor(x) }), expected) < 1e-5);
});

function multiply({ shape: [out = 0, width = 0], data }: FloatTensor, x: ArrayLike<number>): number[] {
  return Array.from({ length: out }, (_, i) => dot(row(data, i, width), x));
}
