/** A thread of `read-bandwidth.ts`: fills its memory once, then reads it whenever it is told to. */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import type { ReadSpan, ReadTask } from './read-bandwidth.ts';
import { readLoop } from './read-loop.ts';

const WASM_PAGE = 2 ** 16;

const { bytes, rounds } = workerData as ReadTask;
const memory = new WebAssembly.Memory({ initial: bytes / WASM_PAGE });
new Uint8Array(memory.buffer).fill(1);
const instance = new WebAssembly.Instance(new WebAssembly.Module(readLoop()), { host: { memory } });
const read = instance.exports['read'];
assert.ok(read);

assert.ok(parentPort);
const port = parentPort;
port.on('message', () => {
  const begin = performance.timeOrigin + performance.now();
  for (let round = 0; round < rounds; round++) read(0, bytes);
  const span: ReadSpan = { begin, end: performance.timeOrigin + performance.now(), bytes: rounds * bytes };
  port.postMessage(span);
});
port.postMessage('ready');
