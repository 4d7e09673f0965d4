import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GraphBuilder, linear, stackRows } from '../index.ts';
import { distance, dot, evaluate, noise, row, source, tensor } from '../spec/run-graph.ts';

const IN = 40;
const OUT = 56;
const weight = noise([OUT, IN], 2);
const bias = noise([OUT], 3);

test('multiplies by the transposed weight and adds the bias, as torch.nn.Linear', async () => {
  const x = noise([2, 3, IN]);
  const actual = await evaluate(linearGraph(), { x: tensor(x) });
  const expected = Array.from({ length: 6 * OUT }, (_, i) => {
    const [token, feature] = [Math.floor(i / OUT), i % OUT];
    return dot(row(x.data, token, IN), row(weight.data, feature, IN)) + (bias.data[feature] ?? NaN);
  });
  assert.ok(distance(actual, expected) < 1e-5);
});

test('a row comes out the same to the last bit, alone or among others', async () => {
  const x = noise([16, 1, IN]);
  const together = await evaluate(linearGraph(), { x: tensor(x) });
  for (const index of [0, 7, 15]) {
    const one = { shape: [1, 1, IN], data: row(x.data, index, IN) };
    const alone = await evaluate(linearGraph(), { x: tensor(one) });
    assert.deepEqual(alone, row(together, index, OUT));
  }
});

test('stacked projections give the projections side by side', async () => {
  const x = noise([1, 2, IN]);
  const parts = [noise([8, IN], 4), noise([4, IN], 5)];
  const stacked = stackRows(
    'qk',
    parts.map((part, index) => source(`part${index}`, part)),
  );
  assert.deepEqual(stacked.shape, [12, IN]);
  const graph = new GraphBuilder({ name: 'stacked' });
  graph.output(linear(graph, graph.input('x', 'float32', [1, 2, IN]), { weight: stacked }), 'y');
  const actual = await evaluate(graph, { x: tensor(x) });
  const expected = [0, 1].flatMap((token) =>
    parts.flatMap(({ shape, data }) =>
      Array.from({ length: shape[0] ?? 0 }, (_, i) => dot(row(x.data, token, IN), row(data, i, IN))),
    ),
  );
  assert.ok(distance(actual, expected) < 1e-5);
});

function linearGraph(): GraphBuilder {
  const graph = new GraphBuilder({ name: 'linear' });
  const x = graph.input('x', 'float32', ['batch', 'length', IN]);
  graph.output(linear(graph, x, { weight: source('weight', weight), bias: source('bias', bias) }), 'y');
  return graph;
}
