import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { mergeChoices } from './merge-choices.ts';

async function* streamOf<T>(scheduler: fc.Scheduler, items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await scheduler.schedule(Promise.resolve(item));
}

test('every stream keeps its order and loses nothing, however they interleave', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.array(fc.nat(), { maxLength: 5 }), { maxLength: 4 }),
      async (scheduler, streams) => {
        const got: number[][] = streams.map(() => []);
        const reading = (async () => {
          for await (const { choice, event } of mergeChoices(
            streams.map((items) => streamOf(scheduler, items)),
          )) {
            got[choice]?.push(event);
          }
        })();
        await scheduler.waitFor(reading);
        assert.deepEqual(got, streams);
      },
    ),
  );
});

test('a late refusal of one comes before the first event of any', async () => {
  async function* eager(): AsyncGenerator<string> {
    yield await Promise.resolve('begun');
  }
  async function* refused(): AsyncGenerator<string> {
    await nextTurn();
    yield await Promise.reject(new Error('refused'));
  }
  await assert.rejects(mergeChoices([eager(), refused()]).next(), /refused/);
});
