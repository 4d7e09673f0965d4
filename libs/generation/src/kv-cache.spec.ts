import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tensor } from '@diptych/onnxruntime';
import { KvCache } from './kv-cache.ts';

const SIZES = { slots: 4, layers: 2, kvHeads: 2, capacity: 3, headDim: 2 };
const SLOT_LENGTH = SIZES.kvHeads * SIZES.capacity * SIZES.headDim;

/** What was bound for a range of slots, by name. */
function bound(cache: KvCache, first: number, count: number): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const note = (name: string, tensor: Tensor) => void tensors.set(name, tensor);
  cache.bind({ bindInput: note, bindOutput: note }, first, count);
  return tensors;
}

/** The arrays of a range: for each layer keys and values. */
function contents(cache: KvCache, first: number, count: number): number[][] {
  const tensors = [...bound(cache, first, count)].filter(([name]) => name.startsWith('past'));
  return tensors.map(([, { data }]) => Array.from(data, Number));
}

function fill(cache: KvCache, slot: number, value: number): void {
  for (const { data } of bound(cache, slot, 1).values()) data.fill(value as never);
}

test('binds past and present of each layer to the same memory', () => {
  const tensors = bound(new KvCache(SIZES), 1, 2);
  assert.equal(tensors.size, 8);
  for (const kind of ['key', 'value'])
    for (const layer of [0, 1]) {
      const past = tensors.get(`past_${kind}.${layer}`);
      assert.deepEqual(past?.shape, [2, 2, 3, 2]);
      assert.equal(past, tensors.get(`present_${kind}.${layer}`));
    }
});

test('a range is the slots themselves, one after the other', () => {
  const cache = new KvCache(SIZES);
  fill(cache, 1, 1);
  fill(cache, 2, 2);
  const expected = [1, 2, 0].flatMap((value) => Array.from({ length: SLOT_LENGTH }, () => value));
  assert.deepEqual(contents(cache, 1, 3), [expected, expected, expected, expected]);
});

test('a lent slot gets back what position 0 held, and nothing else changes', () => {
  const cache = new KvCache(SIZES);
  fill(cache, 1, 1);
  fill(cache, 2, 2);
  cache.lend(1);
  for (const { data } of bound(cache, 1, 1).values()) overwriteFirstPosition(data);
  cache.lend(1);
  cache.reclaim(1);
  cache.reclaim(2);
  const held = contents(cache, 1, 2);
  const expected = [1, 2].flatMap((value) => Array.from({ length: SLOT_LENGTH }, () => value));
  assert.deepEqual(held, [expected, expected, expected, expected]);
});

test('what is written after a slot was reclaimed stays', () => {
  const cache = new KvCache(SIZES);
  cache.lend(1);
  cache.reclaim(1);
  fill(cache, 1, 5);
  cache.reclaim(1);
  assert.deepEqual(new Set(contents(cache, 1, 1).flat()), new Set([5]));
});

test('copies positions of a slot into another, and nothing else changes', () => {
  const cache = new KvCache(SIZES);
  fill(cache, 1, 1);
  fill(cache, 2, 2);
  cache.lend(1);
  cache.lend(2);
  for (const slot of [1, 2])
    for (const { data } of bound(cache, slot, 1).values()) overwriteFirstPosition(data);
  cache.copy(1, 2, { start: 0, end: 2 });
  cache.reclaim(2);
  const perHead = [1, 1, 1, 1, 2, 2];
  assert.deepEqual(contents(cache, 2, 1), Array(4).fill([...perHead, ...perHead]));
  assert.deepEqual(new Set(contents(cache, 1, 1).flat()), new Set([1]));
  cache.copy(2, 1, { start: 2, end: 3 });
  assert.deepEqual(contents(cache, 1, 1), Array(4).fill([1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 2, 2]));
});

function overwriteFirstPosition(data: Tensor['data']): void {
  for (let head = 0; head < SIZES.kvHeads; head += 1) {
    const start = head * SIZES.capacity * SIZES.headDim;
    data.fill(9 as never, start, start + SIZES.headDim);
  }
}
