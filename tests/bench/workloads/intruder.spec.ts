import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gaps, gapsWithin } from './intruder.ts';

test('a pause counts as disturbed where any of it lies within the disturbance', () => {
  const times = [0, 10, 20, 50, 60, 70];
  assert.deepEqual(gaps(times), [10, 10, 30, 10, 10]);
  assert.deepEqual(gapsWithin(times, 25, 55), [30, 10]);
  assert.deepEqual(gapsWithin(times, 70, 80), []);
});
