import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import { EventBuffer } from './event-buffer.ts';

test('events come out in order, before and after the reader waits', async () => {
  const buffer = new EventBuffer<number>(10);
  buffer.push(1);
  const read = Array.fromAsync(buffer);
  await Promise.resolve();
  buffer.push(2);
  await new Promise(setImmediate);
  buffer.push(3);
  buffer.end();
  assert.deepEqual(await read, [1, 2, 3]);
});

test('an error comes after what was there before it, and the first end counts', async () => {
  const buffer = new EventBuffer<number>(10);
  buffer.push(1);
  buffer.end(new DiptychError('cancelled', 'first'));
  buffer.end(new DiptychError('internal', 'second'));
  assert.equal(buffer.push(2), false);
  const seen: number[] = [];
  await assert.rejects(
    async () => {
      for await (const event of buffer) seen.push(event);
    },
    { code: 'cancelled', message: 'first' },
  );
  assert.deepEqual(seen, [1]);
});

test('a reader that does not keep up loses the stream with slow_reader', async () => {
  const buffer = new EventBuffer<number>(2);
  assert.deepEqual([buffer.push(1), buffer.push(2), buffer.push(3)], [true, true, false]);
  await assert.rejects(Array.fromAsync(buffer), { code: 'slow_reader', message: /2 of its events/ });
});
