import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Permits } from './permits.ts';

const never = new AbortController().signal;

test('permits are given out in order, never more than there are', async () => {
  const permits = new Permits(2);
  const got: number[] = [];
  const asked = [0, 1, 2, 3].map((index) => permits.acquire(never).then(() => got.push(index)));
  await Promise.all(asked.slice(0, 2));
  assert.deepEqual(got, [0, 1]);
  permits.release();
  await asked[2];
  assert.deepEqual(got, [0, 1, 2]);
  permits.release();
  await asked[3];
  assert.deepEqual(got, [0, 1, 2, 3]);
});

test('who gives up waiting gets no permit, and the next one does', async () => {
  const permits = new Permits(1);
  await permits.acquire(never);
  const controller = new AbortController();
  const given = assert.rejects(permits.acquire(controller.signal), /gone/);
  const next = permits.acquire(never);
  controller.abort(new Error('gone'));
  await given;
  permits.release();
  await next;
  await assert.rejects(permits.acquire(AbortSignal.abort(new Error('late'))), /late/);
});
