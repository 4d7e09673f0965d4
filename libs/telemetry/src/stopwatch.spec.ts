import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stopwatch } from './stopwatch.ts';

test('laps add up to the elapsed time', () => {
  let now = 100;
  const watch = new Stopwatch(() => now);
  now = 107;
  assert.equal(watch.lap(), 7);
  now = 110;
  assert.equal(watch.lap(), 3);
  assert.equal(watch.elapsedMs(), 10);
});
