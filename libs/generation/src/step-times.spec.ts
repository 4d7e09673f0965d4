import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepTimes } from './step-times.ts';

/** A machine whose decode step takes 10 ms and each token of a prompt half of one more. */
function learn(runs: readonly (readonly [tokens: number, ms: number])[], decodeMs = [10]): StepTimes {
  const times = new StepTimes();
  for (const ms of decodeMs) times.decoded(ms);
  for (const [tokens, ms] of runs) times.prefilled(tokens, ms);
  return times;
}

test('tells nothing before both kinds of run were seen', () => {
  assert.equal(new StepTimes().costs, undefined);
  assert.equal(learn([]).costs, undefined);
  assert.equal(learn([[256, 138]], []).costs, undefined);
});

test('a token costs what its run took beyond a decode step', () => {
  assert.deepEqual(learn([[256, 138]]).costs, { decodeMs: 10, prefillTokenMs: 0.5 });
});

test('follows what runs take now', () => {
  const times = learn(Array.from({ length: 30 }, () => [32, 26] as const));
  for (let run = 0; run < 30; run++) {
    times.decoded(20);
    times.prefilled(32, 52);
  }
  const { decodeMs = 0, prefillTokenMs = 0 } = times.costs ?? {};
  assert.ok(Math.abs(decodeMs - 20) < 0.1, String(decodeMs));
  assert.ok(Math.abs(prefillTokenMs - 1) < 0.1, String(prefillTokenMs));
});

test('one step that was held up changes little', () => {
  const { decodeMs = 0 } = learn([[256, 138]], [10, 10, 10_000]).costs ?? {};
  assert.ok(decodeMs <= 12, String(decodeMs));
});

test('parts too short to tell anything are not listened to, and no token is for free', () => {
  assert.deepEqual(
    learn([
      [256, 138],
      [8, 10.1],
      [1, 9],
    ]).costs,
    { decodeMs: 10, prefillTokenMs: 0.5 },
  );
  assert.ok((learn([[16, 1]]).costs?.prefillTokenMs ?? 0) >= 10 / 512);
});

test('is careful at once where tokens became dearer', () => {
  const { prefillTokenMs = 0 } =
    learn([
      [256, 138],
      [256, 266],
    ]).costs ?? {};
  assert.ok(prefillTokenMs >= 0.75, String(prefillTokenMs));
});
