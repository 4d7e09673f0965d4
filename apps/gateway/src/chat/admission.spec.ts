import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admission } from './admission.ts';

test('refuses the one too many with a hint, until a place is left', () => {
  const admission = new Admission({ places: 2 });
  const first = admission.enter();
  admission.enter();
  assert.throws(() => admission.enter(), { code: 'queue_full', retryAfterMs: 1000 });
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  admission.enter();
  assert.throws(() => admission.enter(), { code: 'queue_full' });
});

test('draining admits nobody and ends with the last request', async () => {
  const admission = new Admission({ places: 2 });
  const place = admission.enter();
  let drained = false;
  const draining = admission.drain(60_000).then(() => (drained = true));
  assert.throws(() => admission.enter(), { code: 'shutting_down' });
  await Promise.resolve();
  assert.deepEqual([drained, place.signal.aborted], [false, false]);
  place[Symbol.dispose]();
  await draining;
});

test('those who stay beyond the grace are aborted', async () => {
  const admission = new Admission({ places: 1 });
  const place = admission.enter();
  place.signal.addEventListener('abort', () => place[Symbol.dispose]());
  await admission.drain(0);
  assert.equal(Reflect.get(Object(place.signal.reason), 'code'), 'shutting_down');
});

test('draining an idle gateway ends at once', () => new Admission({ places: 1 }).drain(60_000));
