import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepTimes } from './step-times.ts';

/** What a run takes where a decode step takes 10 ms, a run 9, each token 0.2, and 1,000 tokens before it as much again. */
const usual = (tokens: number, past: number) => 9 + tokens * (0.2 + 0.0002 * past);

function learn(runs: readonly (readonly [past: number, tokens: number])[], ms = usual, decodeMs = [10]) {
  const times = new StepTimes();
  for (const decode of decodeMs) times.decoded(decode);
  for (const [past, tokens] of runs) times.prefilled({ past, tokens, ms: ms(tokens, past) });
  return times;
}

/** What the estimate says of a run. */
function expected(times: StepTimes, past: number, tokens: number): number {
  const { runMs = NaN, tokenMs = NaN, pairMs = NaN } = times.costs ?? {};
  return runMs + tokens * (tokenMs + pairMs * past);
}

/** A prompt in parts of one size. */
const prompt = (length: number, part: number) =>
  Array.from({ length: Math.floor(length / part) }, (_, i) => [i * part, part] as const);

function assertNear(actual: number, wanted: number, share: number) {
  assert.ok(Math.abs(actual - wanted) <= share * wanted, `${actual} is not near ${wanted}`);
}

test('tells nothing before both kinds of run were seen', () => {
  assert.equal(new StepTimes().costs, undefined);
  assert.equal(learn([]).costs, undefined);
  assert.equal(learn([[0, 256]], usual, []).costs, undefined);
});

test('knows after one run what its like takes', () => {
  assertNear(expected(learn([[0, 64]]), 0, 64), usual(64, 0), 1e-9);
});

test('keeps up with a prompt whose parts become dearer as it grows', () => {
  for (const part of [4, 16, 64]) {
    const times = learn(prompt(512, part));
    for (const [past, tokens] of prompt(4000, part).slice(512 / part)) {
      const known = expected(times, past, tokens);
      assertNear(known, usual(tokens, past), 0.1);
      times.prefilled({ past, tokens, ms: usual(tokens, past) });
    }
  }
});

test('remembers behind a long prompt what the beginning of the next one takes', () => {
  const times = learn([...prompt(64, 16), ...prompt(4000, 16)]);
  assert.ok(expected(times, 0, 16) < expected(times, 3000, 16) * 0.8);
});

test('tells what a run takes by itself from what its tokens take', () => {
  const times = learn(Array.from({ length: 60 }, (_, i) => [0, [8, 32, 64][i % 3] ?? 0] as const));
  for (const tokens of [8, 32, 64]) assertNear(expected(times, 0, tokens), usual(tokens, 0), 0.1);
});

test('follows what runs take now', () => {
  const times = learn(prompt(480, 16));
  for (let run = 0; run < 40; run++) {
    times.decoded(20);
    times.prefilled({ past: 0, tokens: 32, ms: 2 * usual(32, 0) });
  }
  assertNear(times.costs?.decodeMs ?? 0, 20, 0.01);
  assertNear(expected(times, 0, 32), 2 * usual(32, 0), 0.01);
});

test('one run that was held up changes little', () => {
  assert.ok((learn([[0, 256]], usual, [10, 10, 10_000]).costs?.decodeMs ?? NaN) <= 12);
  const times = learn(prompt(480, 16));
  times.prefilled({ past: 480, tokens: 16, ms: 10_000 });
  assert.ok(expected(times, 480, 16) <= 1.6 * usual(16, 480));
});

test('no token is for free, whatever a lucky run says', () => {
  const times = learn(prompt(2000, 16), () => 0.001);
  assert.ok((times.costs?.tokenMs ?? 0) >= 10 / 512);
});

test('is careful at once where tokens became dearer', () => {
  const times = learn(prompt(256, 64));
  times.prefilled({ past: 0, tokens: 64, ms: 2 * usual(64, 0) });
  assert.ok(expected(times, 0, 64) >= 1.45 * usual(64, 0));
});
