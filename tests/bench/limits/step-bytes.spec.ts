import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { GRAPH_FILE, GraphBuilder } from '@diptych/onnx-graph';
import { readGraph } from './read-graph.ts';
import { stepBytesOf } from './step-bytes.ts';

const [VOCABULARY, WIDTH] = [512, 64];

test('a step reads matrices whole, tables by the row, and the cache of each position', async () => {
  const { weights, stored, cacheRow } = stepBytesOf(readGraph(await smallGraph()));
  assert.equal(weights, WIDTH * WIDTH * 4);
  assert.equal(stored, weights + VOCABULARY * WIDTH * 4);
  assert.equal(cacheRow, 2 * 3 * WIDTH * 4);
});

/** A table and a matrix, and a cache of three heads. */
async function smallGraph(): Promise<Uint8Array> {
  const graph = new GraphBuilder({ name: 'small' });
  const ids = graph.input('input_ids', 'int64', ['batch']);
  const cache = ['batch', 3, 'capacity', WIDTH];
  const past = ['past_key.0', 'past_value.0'].map((name) => graph.input(name, 'float32', cache));
  const ones = (rows: number) => () => new Float32Array(rows * WIDTH).fill(1);
  const table = graph.computed('table', 'float32', [VOCABULARY, WIDTH], ones(VOCABULARY));
  const matrix = graph.computed('matrix', 'float32', [WIDTH, WIDTH], ones(WIDTH));
  const rows = graph.op('Gather', [table, ids], { axis: 0 });
  graph.output(graph.op('MatMul', [rows, matrix]), 'rows');
  past.forEach((value, index) => graph.output(graph.op('Identity', [value]), `present.${index}`));
  const folder = await mkdtemp(join(tmpdir(), 'diptych-bench-'));
  try {
    await graph.save(folder);
    return await readFile(join(folder, GRAPH_FILE));
  } finally {
    await rm(folder, { recursive: true });
  }
}
