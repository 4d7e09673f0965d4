import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EmbeddingCache } from './embedding-cache.ts';

const never = new AbortController().signal;
const value = (byteLength: number) => ({ byteLength });

test('a value is made once, then found', async () => {
  const cache = new EmbeddingCache({ maxBytes: 10_000 });
  let made = 0;
  const make = async () => {
    made += 1;
    return value(100);
  };
  assert.equal((await cache.get('a', never, make)).hit, false);
  assert.equal((await cache.get('a', never, make)).hit, true);
  assert.equal(made, 1);
});

test('callers at the same time share one piece of work', async () => {
  const cache = new EmbeddingCache({ maxBytes: 0 });
  let made = 0;
  const make = async () => {
    made += 1;
    return value(made);
  };
  const answers = await Promise.all(['a', 'a', 'a', 'b'].map((key) => cache.get(key, never, make)));
  assert.deepEqual(
    answers.map((answer) => answer.value.byteLength),
    [1, 1, 1, 2],
  );
});

test('the least recently used go first when the bytes are spent', async () => {
  const cache = new EmbeddingCache({ maxBytes: 5000 });
  const has = async (key: string) => (await cache.get(key, never, async () => value(1000))).hit;
  for (const key of ['a', 'b', 'c']) await has(key);
  assert.equal(await has('a'), true);
  assert.equal(await has('d'), false);
  assert.equal(await has('a'), true);
  assert.equal(await has('b'), false);
});

test('a value larger than the cache is answered but not kept', async () => {
  const cache = new EmbeddingCache({ maxBytes: 1000 });
  const make = async () => value(5000);
  assert.equal((await cache.get('a', never, make)).value.byteLength, 5000);
  assert.equal((await cache.get('a', never, make)).hit, false);
});

test('a failure reaches everybody who waits and is not kept', async () => {
  const cache = new EmbeddingCache({ maxBytes: 1000 });
  const broken = () => Promise.reject(new Error('broken'));
  const both = [cache.get('a', never, broken), cache.get('a', never, broken)];
  for (const answer of both) await assert.rejects(answer, /broken/);
  assert.equal((await cache.get('a', never, async () => value(1))).hit, false);
});

test('work goes on while anybody waits for it, and is cancelled with the last one', async () => {
  const cache = new EmbeddingCache({ maxBytes: 10_000 });
  const work = Promise.withResolvers<{ byteLength: number }>();
  let signal: AbortSignal | undefined;
  const make = (given: AbortSignal) => {
    signal = given;
    return work.promise;
  };
  const first = new AbortController();
  const second = new AbortController();
  const answers = [cache.get('a', first.signal, make), cache.get('a', second.signal, make)];
  first.abort(new Error('first left'));
  await assert.rejects(answers[0] ?? assert.fail(), /first left/);
  assert.equal(signal?.aborted, false);
  second.abort(new Error('second left'));
  await assert.rejects(answers[1] ?? assert.fail(), /second left/);
  assert.equal(signal.aborted, true);
  assert.equal((await cache.get('a', never, async () => value(7))).value.byteLength, 7);
  work.resolve(value(1));
});

test('who leaves does not take the result from who stays', async () => {
  const cache = new EmbeddingCache({ maxBytes: 10_000 });
  const work = Promise.withResolvers<{ byteLength: number }>();
  const leaver = new AbortController();
  const left = assert.rejects(cache.get('a', leaver.signal, () => work.promise));
  const stays = cache.get('a', never, () => assert.fail('made twice'));
  leaver.abort(new Error('gone'));
  await left;
  work.resolve(value(3));
  assert.equal((await stays).value.byteLength, 3);
});
