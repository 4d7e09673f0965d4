import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Tensor } from 'onnxruntime-node';
import { embedding, GraphBuilder, head, linear, WEIGHT_FORMATS, type WeightFormat } from '../index.ts';
import {
  distance,
  dot,
  evaluate,
  type FloatTensor,
  noise,
  row,
  runGraph,
  source,
  tensor,
  withSaved,
} from '../spec/run-graph.ts';

const OUT = 56;
/** Largest error of a product of rows and weights between -1 and 1, in units of the square root of their length. */
const BOUNDS: Record<WeightFormat, number> = { float32: 1e-6, float16: 4e-4, int8: 1e-2, int4: 9e-2 };

/** Half a step of a table's elements, and a little. */
const TABLE_STEPS: Record<WeightFormat, number> = {
  float32: 1e-9,
  float16: 3e-4,
  int8: 4.1e-3,
  int4: 4.1e-3,
};
const HEAD_BOUNDS: Record<WeightFormat, number> = { ...BOUNDS, int4: 1e-2 };
/** Bytes of an element of a table, with its part of a scale. */
const BYTES: Record<WeightFormat, number> = { float32: 4, float16: 2, int8: 1.5, int4: 1.5 };

for (const format of WEIGHT_FORMATS) {
  suite(`weights in ${format}`, () => {
    for (const columns of [96, 40, 8]) {
      test(`multiply rows of ${columns} as float32 does, to within the format's steps`, async () => {
        const [x, weight, bias] = [noise([5, columns]), noise([OUT, columns], 2), noise([OUT], 3)];
        const actual = await evaluate(linearGraph(format, weight, bias), { x: tensor(x) });
        const expected = product(x, weight, bias);
        assert.ok(
          distance(actual, expected) < BOUNDS[format] * Math.sqrt(columns),
          String(distance(actual, expected)),
        );
      });
    }

    for (const columns of [128, 96, 8]) {
      test(`hold a table of rows of ${columns}, gathered and as a head, stored once`, async () => {
        const [x, table] = [noise([5, columns]), noise([OUT, columns], 2)];
        const graph = new GraphBuilder({ name: 'tied', weights: format });
        const weight = source('table', table);
        const input = graph.input('x', 'float32', ['rows', columns]);
        const ids = graph.input('ids', 'int64', ['batch', 'length']);
        graph.output(embedding(graph, weight, ids), 'rows');
        graph.output(head(graph, input, weight), 'logits');
        const wanted = [3, 0, OUT - 1, 3];
        const { rows, logits } = await runGraph(graph, {
          x: tensor(x),
          ids: new Tensor('int64', BigInt64Array.from(wanted, BigInt), [2, 2]),
        });
        assert.deepEqual(rows?.shape, [2, 2, columns]);
        const expectedRows = wanted.flatMap((id) => [...row(table.data, id, columns)]);
        assert.ok(distance(rows.data, expectedRows) < TABLE_STEPS[format]);
        const expected = product(x, table, { shape: [OUT], data: new Float32Array(OUT) });
        assert.ok(distance(logits?.data ?? [], expected) < HEAD_BOUNDS[format] * Math.sqrt(columns));
        const stored = await withSaved(graph, (folder) => storedBytes(folder));
        assert.ok(stored < BYTES[format] * OUT * columns + 8192, `${stored} bytes`);
      });
    }

    test('give a row of zeros the bias', async () => {
      const [x, weight, bias] = [new Float32Array(2 * 96), noise([OUT, 96], 2), noise([OUT], 3)];
      x.fill(1, 96);
      const actual = await evaluate(linearGraph(format, weight, bias), {
        x: tensor({ shape: [2, 96], data: x }),
      });
      assert.deepEqual(actual.slice(0, OUT), bias.data);
    });

    test('give a row the same to the last bit, alone, among others and in parts', async () => {
      const [x, weight, bias] = [noise([37, 96]), noise([OUT, 96], 2), noise([OUT], 3)];
      const graph = () => linearGraph(format, weight, bias);
      const together = await evaluate(graph(), { x: tensor(x) });
      for (const [first, count] of [
        [0, 1],
        [5, 1],
        [3, 2],
        [8, 16],
        [20, 17],
      ] as const) {
        const part = { shape: [count, 96], data: x.data.slice(first * 96, (first + count) * 96) };
        const alone = await evaluate(graph(), { x: tensor(part) });
        assert.deepEqual(alone, together.slice(first * OUT, (first + count) * OUT));
      }
    });
  });
}

test('weights in int8 keep what lies beside an element that is 30 times as large', async () => {
  const [x, weight, bias] = [noise([5, 128]), noise([OUT, 128], 2), noise([OUT], 3)];
  for (let token = 0; token < 5; token++) x.data[token * 128 + 9] = 30;
  const actual = await evaluate(linearGraph('int8', weight, bias), { x: tensor(x) });
  const expected = product(x, weight, bias);
  const squares = expected.map((value, index) => (value - (actual[index] ?? Number.NaN)) ** 2);
  const error = Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
  // Steps of a 127th of 30 would make it 0.45.
  assert.ok(error < 0.15, String(error));
});

function linearGraph(format: WeightFormat, weight: FloatTensor, bias: FloatTensor): GraphBuilder {
  const graph = new GraphBuilder({ name: 'linear', weights: format });
  const x = graph.input('x', 'float32', ['rows', weight.shape[1] ?? 0]);
  graph.output(linear(graph, x, { weight: source('weight', weight), bias: source('bias', bias) }), 'y');
  return graph;
}

async function storedBytes(folder: string): Promise<number> {
  const files = await readdir(folder);
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function product(x: FloatTensor, weight: FloatTensor, bias: FloatTensor): Float32Array {
  const [rows = 0, columns = 0] = x.shape;
  return Float32Array.from({ length: rows * OUT }, (_, i) => {
    const [token, feature] = [Math.floor(i / OUT), i % OUT];
    return dot(row(x.data, token, columns), row(weight.data, feature, columns)) + (bias.data[feature] ?? NaN);
  });
}
