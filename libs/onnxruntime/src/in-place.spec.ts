import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadGraph } from './spec-graphs.ts';
import type { SpecGraph } from './spec-model.ts';
import { Tensor } from './tensor.ts';

const HEADS = 2;
const KV_HEADS = 1;
const HEAD_DIM = 8;
const CAPACITY = 6;
const PAST = 3;
const UNTOUCHED = -7;

test('a KV cache that is bound as past and present is written in place, where it lies', async () => {
  using session = await loadGraph(attention());
  using binding = session.createBinding();
  const memory = new Float32Array(2 * CAPACITY * HEAD_DIM).fill(UNTOUCHED);
  const [keyRows, valueRows] = [
    memory.subarray(0, CAPACITY * HEAD_DIM),
    memory.subarray(CAPACITY * HEAD_DIM),
  ];
  for (const rows of [keyRows, valueRows]) rows.fill(0.5, 0, PAST * HEAD_DIM);
  const qkv = Float32Array.from({ length: (HEADS + 2 * KV_HEADS) * HEAD_DIM }, (_, index) => index);
  const cacheShape = [1, KV_HEADS, CAPACITY, HEAD_DIM];
  using key = Tensor.over('float32', cacheShape, keyRows);
  using value = Tensor.over('float32', cacheShape, valueRows);
  using input = Tensor.over('float32', [1, 1, qkv.length], qkv);
  using last = Tensor.over('int32', [1], Int32Array.of(PAST));
  using total = Tensor.over('int32', [1], Int32Array.of(PAST + 1));
  using output = Tensor.allocate('float32', [1, 1, HEADS * HEAD_DIM]);
  binding.bindInput('qkv', input);
  binding.bindInput('past_key', key);
  binding.bindInput('past_value', value);
  binding.bindInput('seqlens_k', last);
  binding.bindInput('total_sequence_length', total);
  binding.bindOutput('output', output);
  binding.bindOutput('present_key', key);
  binding.bindOutput('present_value', value);

  await session.run(binding);

  assert.deepEqual(keyRows, cacheWith(qkv.subarray(HEADS * HEAD_DIM, (HEADS + 1) * HEAD_DIM)));
  assert.deepEqual(valueRows, cacheWith(qkv.subarray((HEADS + 1) * HEAD_DIM)));
  assert.ok(output.data.some((element) => element !== 0));
});

/** Past rows, then the new row, then what was there before. */
function cacheWith(row: Float32Array): Float32Array {
  const cache = new Float32Array(CAPACITY * HEAD_DIM).fill(UNTOUCHED).fill(0.5, 0, PAST * HEAD_DIM);
  cache.set(row, PAST * HEAD_DIM);
  return cache;
}

function attention(): SpecGraph {
  const cache = { type: 'float32', shape: ['batch', KV_HEADS, 'capacity', HEAD_DIM] } as const;
  const packed = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
  return {
    inputs: [
      { name: 'qkv', type: 'float32', shape: ['batch', 'length', packed] },
      { name: 'past_key', ...cache },
      { name: 'past_value', ...cache },
      { name: 'seqlens_k', type: 'int32', shape: ['batch'] },
      { name: 'total_sequence_length', type: 'int32', shape: [1] },
    ],
    outputs: [
      { name: 'output', type: 'float32', shape: ['batch', 'length', HEADS * HEAD_DIM] },
      { name: 'present_key', ...cache },
      { name: 'present_value', ...cache },
    ],
    nodes: [
      {
        op: 'GroupQueryAttention',
        domain: 'com.microsoft',
        inputs: ['qkv', '', '', 'past_key', 'past_value', 'seqlens_k', 'total_sequence_length'],
        outputs: ['output', 'present_key', 'present_value'],
        attributes: { num_heads: HEADS, kv_num_heads: KV_HEADS },
      },
    ],
  };
}
