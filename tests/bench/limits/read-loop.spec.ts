import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLoop, STRIDE } from './read-loop.ts';

test('the loop reads every byte between its ends, once', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const words = new BigInt64Array(memory.buffer);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readLoop()), { host: { memory } });
  const read = instance.exports['read'];
  assert.ok(read);
  // It returns the sum of the even words, one of two lanes.
  for (let index = 0; index < words.length; index += 2) words[index] = BigInt(index);
  const [first, end] = [STRIDE, 5 * STRIDE];
  let expected = 0;
  for (let index = first / 8; index < end / 8; index += 2) expected += index;
  assert.equal(read(first, end), expected);
});
