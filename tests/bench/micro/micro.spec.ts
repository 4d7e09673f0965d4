import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PICO } from '@diptych/testing';
import { CASES } from './cases/all.ts';
import { measureCase } from './measure-case.ts';
import { chooseCases, runCase } from './run-cases.ts';

/** A call before it counts, and one that does. */
const ONCE = { warmUpMs: 0, measureMs: 0, minSamples: 1 };

for (const micro of CASES) {
  test(`${micro.name} runs`, async () => {
    const { name, median, p10, p90, samples } = await runCase(micro, { ...ONCE, checkpoint: PICO });
    assert.equal(name, micro.name);
    assert.equal(samples, 1);
    assert.ok(median > 0 && p10 === median && p90 === median);
  });
}

test('cases are chosen by the beginnings of their names', () => {
  const names = (wanted: readonly string[]) => chooseCases(CASES, wanted).map(({ name }) => name);
  assert.equal(names([]).length, CASES.length);
  assert.deepEqual(names(['tokenizer/s', 'runtime/call-on']), [
    'runtime/call-on-the-event-loop',
    'tokenizer/short',
  ]);
  assert.throws(() => names(['tokenizers']), /no case begins with tokenizers; there are runtime\/call/);
});

test('what settles after a call is waited for, but not measured', async () => {
  const order: string[] = [];
  const work = {
    run: () => order.push('run'),
    settle: () => Promise.resolve(order.push('settled')),
  };
  await measureCase(work, { ...ONCE, minSamples: 2 });
  assert.deepEqual(order, ['run', 'settled', 'run', 'settled', 'run', 'settled']);
});
