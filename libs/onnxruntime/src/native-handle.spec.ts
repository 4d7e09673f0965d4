import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NativeHandle } from './native-handle.ts';

const ADDRESS = 4096n;

function counted(): { handle: NativeHandle; released: bigint[] } {
  const released: bigint[] = [];
  return { handle: new NativeHandle('thing', ADDRESS, (pointer) => released.push(pointer)), released };
}

test('releases once, however often it is disposed of', () => {
  const { handle, released } = counted();
  handle[Symbol.dispose]();
  handle[Symbol.dispose]();
  assert.deepEqual(released, [ADDRESS]);
});

test('throws on use after disposal, naming the object', () => {
  const { handle } = counted();
  handle[Symbol.dispose]();
  const expected = { code: 'runtime_failed', message: /thing was disposed of/ };
  assert.throws(() => handle.pointer, expected);
  assert.throws(() => handle.use(), expected);
});

test('waits with the release for the last use, and lets nobody else in', () => {
  const { handle, released } = counted();
  const first = handle.use();
  const second = handle.use();
  handle[Symbol.dispose]();
  assert.throws(() => handle.pointer, { code: 'runtime_failed' });
  first[Symbol.dispose]();
  assert.deepEqual(released, []);
  second[Symbol.dispose]();
  assert.deepEqual(released, [ADDRESS]);
});

test('keeps the object when a use ends before disposal', () => {
  const { handle, released } = counted();
  handle.use()[Symbol.dispose]();
  assert.equal(handle.pointer, ADDRESS);
  assert.deepEqual(released, []);
});
