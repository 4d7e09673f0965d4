import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tile } from '@diptych/image';
import fc from 'fast-check';
import { EncodeQueue } from './encode-queue.ts';
import { FAILS, FakeEncoder } from './spec/fake-encoder.ts';

const never = new AbortController().signal;
const tile = (value: number, width = 1): Tile => ({
  width,
  height: 1,
  pixels: Float32Array.of(value, value + 0.5, value),
});
const image = (...values: number[]) => values.map((value) => tile(value));
const featuresOf = (tiles: readonly Tile[]) =>
  Float32Array.from(tiles.flatMap(({ pixels }) => [...pixels.slice(0, 2)].map((value) => value * 2)));

test('an image of one tile does not wait for all tiles of a large one', async () => {
  const encoder = new FakeEncoder(1);
  const queue = new EncodeQueue(encoder);
  const finished: string[] = [];
  await Promise.all([
    queue.encode(image(10, 11, 12, 13), never).then(() => finished.push('large')),
    queue.encode(image(20, 21), never).then(() => finished.push('middle')),
    queue.encode(image(30), never).then(() => finished.push('small')),
  ]);
  assert.deepEqual(finished, ['small', 'middle', 'large']);
  // The large image was alone when it took its first turn and the place for the next one.
  assert.deepEqual(encoder.runs.flat(), [10, 11, 20, 30, 12, 21, 13]);
});

test('any mix of images gets its own features, in full runs', async () => {
  const images = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(images, fc.integer({ min: 1, max: 4 }), async (counts, maxTiles) => {
      const encoder = new FakeEncoder(maxTiles);
      const queue = new EncodeQueue(encoder);
      const tiles = counts.map((count, index) =>
        image(...Array.from({ length: count }, (_, tile) => index * 100 + tile)),
      );
      const encoded = await Promise.all(tiles.map((each) => queue.encode(each, never)));
      encoded.forEach(({ features }, index) => assert.deepEqual(features, featuresOf(tiles[index] ?? [])));
      const total = counts.reduce((sum, count) => sum + count, 0);
      assert.equal(encoder.runs.flat().length, total);
      assert.ok(encoder.runs.length <= counts.length + Math.ceil(total / maxTiles));
    }),
  );
});

test('a run has tiles of one size; who has none of it keeps its turn', async () => {
  const encoder = new FakeEncoder(2);
  const queue = new EncodeQueue(encoder);
  const go = encoder.hold();
  const first = queue.encode([tile(1)], never);
  const others = [
    queue.encode([tile(10), tile(11, 3)], never),
    queue.encode([tile(20, 3), tile(21, 3)], never),
    queue.encode([tile(30)], never),
  ];
  go();
  await Promise.all([first, ...others]);
  assert.deepEqual(encoder.runs, [[1], [10, 30], [20, 11], [21]]);
});

test('large tiles run alone where the encoder asks for it, small ones together', async () => {
  const encoder = new FakeEncoder(({ width }) => (width > 2 ? 1 : 3));
  const { features } = await new EncodeQueue(encoder).encode(
    [tile(1), tile(2), tile(3, 3), tile(4, 3)],
    never,
  );
  assert.deepEqual(features, featuresOf([tile(1), tile(2), tile(3, 3), tile(4, 3)]));
  assert.deepEqual(encoder.runs, [[1, 2], [3], [4]]);
});

test('whatever the sizes, an image gets a tile into one of as many runs as there are images', async () => {
  const images = fc.array(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 7 }), {
    minLength: 1,
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(images, fc.integer({ min: 1, max: 4 }), async (widths, maxTiles) => {
      const encoder = new FakeEncoder(maxTiles);
      const queue = new EncodeQueue(encoder);
      const tiles = widths.map((each, index) => each.map((width, place) => tile(index * 100 + place, width)));
      const encoded = await Promise.all(tiles.map((each) => queue.encode(each, never)));
      assert.deepEqual(
        encoded.map(({ features }) => features),
        tiles.map(featuresOf),
      );
      for (const index of tiles.keys()) {
        const turns = encoder.runs.flatMap((run, turn) =>
          run.some((value) => Math.floor(value / 100) === index) ? [turn] : [],
        );
        // The first image's first run is over before the others have come.
        const waits = turns.map((turn, at) => turn - (turns[at - 1] ?? 0));
        assert.ok(
          waits.every((wait) => wait <= tiles.length),
          JSON.stringify(encoder.runs),
        );
      }
    }),
  );
});

test('who leaves the queue is not encoded any further', async () => {
  const encoder = new FakeEncoder(1);
  const go = encoder.hold();
  const queue = new EncodeQueue(encoder);
  const controller = new AbortController();
  const leaves = assert.rejects(queue.encode(image(10, 11, 12), controller.signal), /gone/);
  const stays = queue.encode(image(20, 21), never);
  controller.abort(new Error('gone'));
  await leaves;
  go();
  assert.deepEqual((await stays).features, featuresOf(image(20, 21)));
  assert.deepEqual(encoder.runs.flat(), [10, 20, 21]);
});

test('a run that fails fails the images in it and no other', async () => {
  const queue = new EncodeQueue(new FakeEncoder(1));
  const fails = assert.rejects(queue.encode(image(1, FAILS, 3), never), /a run failed/);
  const works = queue.encode(image(5, 6), never);
  await fails;
  assert.deepEqual((await works).features, featuresOf(image(5, 6)));
  assert.deepEqual((await queue.encode(image(7), never)).features, featuresOf(image(7)));
});
