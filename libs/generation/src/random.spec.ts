import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomSeed, uniformAt } from './random.ts';

test('the draws of a seed are the published outputs of SplitMix64', () => {
  // The first outputs of the reference splitmix64.c for seed 1234567.
  const published = [
    6457827717110365317n,
    3203168211198807973n,
    9817491932198370423n,
    4593380528125082431n,
    16408922859458223821n,
  ];
  published.forEach((output, position) => {
    assert.equal(uniformAt(1234567n, position), Number(output >> 11n) / 2 ** 53);
  });
});

test('draws lie in [0, 1) and spread evenly, over positions and over neighbouring seeds', () => {
  const draws = Array.from({ length: 20_000 }, (_, i) => uniformAt(BigInt(i >> 7), i % 128));
  assert.ok(draws.every((draw) => draw >= 0 && draw < 1));
  const bins = Array.from(
    { length: 10 },
    (_, bin) => draws.filter((draw) => Math.floor(draw * 10) === bin).length,
  );
  for (const count of bins) assert.ok(Math.abs(count - 2000) < 200, `${count} of 2000`);
});

test('the largest seed and a drawn seed are in range', () => {
  assert.ok(uniformAt(2n ** 64n - 1n, 5) < 1);
  const seed = randomSeed();
  assert.ok(seed >= 0n && seed < 2n ** 53n);
});
