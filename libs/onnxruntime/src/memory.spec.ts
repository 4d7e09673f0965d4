import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Session } from './session.ts';
import { addition, loadGraph, saveGraph, withFolder } from './spec-graphs.ts';
import { Tensor } from './tensor.ts';

/** Each spec measures this often, and the median counts: a leak grows nearly every time, the process's own noise seldom. */
const ROUNDS = 5;
const CYCLES = 5_000;
const SESSION_CYCLES = 100;

/** Below what one kind of object adds in a round when it is not released (3 MiB), above what is left of noise. */
const ALLOWED_GROWTH_BYTES = 1.5 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('twenty thousand tensors, bindings and runs leave no memory behind', async () => {
  using session = await loadGraph(addition());
  const cycle = async (): Promise<void> => {
    using binding = session.createBinding();
    using a = Tensor.allocate('float32', [1, 2]);
    using sum = Tensor.allocate('float32', [1, 2]);
    binding.bindInput('a', a);
    binding.bindInput('b', a);
    binding.bindOutput('sum', sum);
    for (let run = 0; run < 2; run += 1) await session.run(binding, { signal: new AbortController().signal });
  };
  await assertNoGrowth(CYCLES, cycle);
});

test('twenty thousand failures leave no memory behind', async () => {
  using session = await loadGraph(addition());
  using binding = session.createBinding();
  using a = Tensor.allocate('float32', [1, 2]);
  using wrong = Tensor.allocate('float32', [3, 2]);
  binding.bindInput('a', a);
  binding.bindInput('b', a);
  binding.bindOutput('sum', wrong);
  const cycle = () => assert.rejects(session.run(binding));
  await assertNoGrowth(CYCLES, cycle);
});

test('hundreds of sessions leave no memory behind', async () => {
  await withFolder(async (folder) => {
    const path = await saveGraph(folder, addition());
    const cycle = async (): Promise<void> => {
      using session = await Session.load(path, { intraOpThreads: 2 });
      session.createBinding();
    };
    await assertNoGrowth(SESSION_CYCLES, cycle);
  });
});

async function assertNoGrowth(cycles: number, cycle: () => Promise<void>): Promise<void> {
  const growth: number[] = [];
  let before = await nativeBytesAfter(cycles, cycle);
  for (let round = 0; round < ROUNDS; round += 1) {
    const after = await nativeBytesAfter(cycles, cycle);
    growth.push(after - before);
    before = after;
  }
  const median = growth.toSorted((left, right) => left - right)[(ROUNDS - 1) / 2] ?? Infinity;
  assert.ok(median < ALLOWED_GROWTH_BYTES, `grew by ${growth.join(', ')} bytes`);
}

/** Resident memory outside of JavaScript's heap after some cycles. */
async function nativeBytesAfter(cycles: number, cycle: () => Promise<void>): Promise<number> {
  for (let index = 0; index < cycles; index += 1) await cycle();
  collectGarbage();
  const { rss, heapTotal } = process.memoryUsage();
  return rss - heapTotal;
}
