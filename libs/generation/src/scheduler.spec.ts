import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planAdmission, planStep, type StepCosts, type StepLimits } from './scheduler.ts';

interface Job {
  readonly id: number;
  prefillRemaining: number;
  decodeRemaining: number;
  readonly guessed: number;
}

const anyJobs = fc
  .array(fc.record({ prompt: fc.integer({ min: 1, max: 900 }), answer: fc.integer({ min: 1, max: 20 }) }), {
    minLength: 1,
    maxLength: 30,
  })
  .map((sizes) =>
    sizes.map(
      ({ prompt, answer }, id): Job => ({
        id,
        prefillRemaining: prompt,
        decodeRemaining: answer,
        guessed: 0,
      }),
    ),
  );
const anyCosts = fc.option(
  fc.record({
    decodeMs: fc.double({ min: 0.01, max: 1000, noNaN: true }),
    prefillTokenMs: fc.double({ min: 1e-6, max: 1000, noNaN: true }),
  }),
  { nil: undefined },
);
const anyLimits = fc.record<StepLimits>({
  prefillChunk: fc.integer({ min: 1, max: 300 }),
  turn: fc.nat({ max: 9 }),
  costs: anyCosts,
});

const limits = (prefillChunk: number, turn = 0, costs?: StepCosts): StepLimits => ({
  prefillChunk,
  turn,
  costs,
});
const job = (prefillRemaining: number, id = 0): Job => ({
  id,
  prefillRemaining,
  decodeRemaining: 1,
  guessed: 0,
});
const STREAM = job(0, 99);
/** A decode step of 10 ms; 256 tokens take 100 ms. */
const COSTS = { decodeMs: 10, prefillTokenMs: 90 / 256 };

test('every decoding sequence advances, and so does a prompt, within the limit', () => {
  fc.assert(
    fc.property(anyJobs, fc.array(fc.boolean()), anyLimits, (jobs, decoding, step) => {
      const active = jobs.map((one, i) => (decoding[i] ? { ...one, prefillRemaining: 0 } : one));
      const { decode, prefill } = planStep(active, step);
      const waiting = active.filter((one) => one.prefillRemaining > 0);
      assert.deepEqual(
        decode,
        active.filter((one) => one.prefillRemaining === 0),
      );
      assert.equal(prefill.length > 0, waiting.length > 0, 'prompts never stand still');
      const used = prefill.reduce((sum, { tokens }) => sum + tokens, 0);
      assert.ok(used <= step.prefillChunk);
      assert.ok(prefill.every(({ sequence, tokens }) => tokens > 0 && tokens <= sequence.prefillRemaining));
      assert.ok(
        prefill.slice(0, -1).every(({ sequence, tokens }) => tokens === sequence.prefillRemaining),
        'one prompt after the other',
      );
    }),
  );
});

test('where nobody decodes, prompts get all that a step may compute', () => {
  fc.assert(
    fc.property(anyJobs, anyLimits, (jobs, step) => {
      const used = planStep(jobs, step).prefill.reduce((sum, { tokens }) => sum + tokens, 0);
      const wanted = jobs.reduce((sum, one) => sum + one.prefillRemaining, 0);
      assert.equal(used, Math.min(step.prefillChunk, wanted));
    }),
  );
});

test('beside a stream, prompts take half a decode step’s time for tokens, or what the kernels compute at least', () => {
  fc.assert(
    fc.property(anyJobs, anyLimits, (jobs, step) => {
      const { prefill } = planStep([STREAM, ...jobs], step);
      if (step.costs === undefined) return;
      const { decodeMs, prefillTokenMs } = step.costs;
      const used = prefill.reduce((sum, { tokens }) => sum + tokens, 0);
      const runs = Math.max(0, prefill.length - 1) * decodeMs;
      assert.ok(used <= 16 || used * prefillTokenMs + runs <= decodeMs / 2 + 1e-9);
    }),
  );
});

test('the dearer tokens are against decode steps, the fewer are computed beside a stream', () => {
  const tokens = (prefillTokenMs: number) =>
    planStep([STREAM, job(4000)], limits(256, 0, { decodeMs: 10, prefillTokenMs })).prefill[0]?.tokens;
  assert.deepEqual([0.001, 0.02, 0.05, 0.1, 0.35, 5].map(tokens), [256, 240, 96, 48, 16 * 1, 16]);
  assert.equal(planStep([STREAM, job(4000)], limits(256)).prefill[0]?.tokens, 32, 'before anything is known');
});

test('a short prompt does not wait for a long one, and a long one goes on among many short ones', () => {
  const long = job(4000, 1);
  const short = job(10, 2);
  const first = (turn: number) =>
    planStep([STREAM, long, short], limits(256, turn, COSTS)).prefill[0]?.sequence.id;
  assert.deepEqual([first(0), first(1)], [1, 2]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 20 }), (others) => {
      const oldest = job(1000, 0);
      for (let turn = 0; turn < 2; turn++) {
        const active = [STREAM, oldest, ...others.map((tokens, i) => job(tokens, i + 1))];
        const [chunk] = planStep(active, limits(256, turn, COSTS)).prefill;
        if (chunk?.sequence === oldest) oldest.prefillRemaining -= chunk.tokens;
      }
      assert.ok(oldest.prefillRemaining < 1000, 'within two steps, whoever else comes');
    }),
  );
});

test('everyone finishes, in no more steps than there is work, and slots are never short', () => {
  fc.assert(
    fc.property(anyJobs, anyLimits, fc.integer({ min: 1, max: 8 }), (jobs, step, slots) => {
      const least = Math.min(step.prefillChunk, 16);
      const work = jobs.reduce(
        (sum, one) => sum + Math.ceil(one.prefillRemaining / least) + one.decodeRemaining,
        0,
      );
      let waiting: readonly Job[] = jobs.map((one) => ({ ...one }));
      let active: readonly Job[] = [];
      const admitted: number[] = [];
      for (let turn = 0; waiting.length + active.length > 0; turn++) {
        assert.ok(turn <= work + jobs.length, 'no step is idle');
        const entering = planAdmission(waiting, slots - active.length);
        waiting = waiting.slice(entering.length);
        active = [...active, ...entering];
        admitted.push(...entering.map(({ id }) => id));
        assert.ok(active.length <= slots);
        const { decode, prefill } = planStep(active, { ...step, turn });
        const served = [...decode, ...prefill.map(({ sequence }) => sequence)];
        assert.equal(new Set(served).size, served.length, 'nobody is served twice in a step');
        for (const one of decode) one.decodeRemaining--;
        for (const { sequence, tokens } of prefill) sequence.prefillRemaining -= tokens;
        active = active.filter((one) => one.decodeRemaining > 0);
      }
      assert.deepEqual(
        admitted,
        jobs.map(({ id }) => id),
        'first come, first served',
      );
    }),
    { numRuns: 50 },
  );
});

test('a prompt alone is cut into chunks of the limit', () => {
  const one = job(600);
  const chunks: number[] = [];
  while (one.prefillRemaining > 0) {
    const [chunk] = planStep([one], limits(256)).prefill;
    chunks.push(chunk?.tokens ?? 0);
    one.prefillRemaining -= chunk?.tokens ?? 0;
  }
  assert.deepEqual(chunks, [256, 256, 88]);
});

test('whether a sequence is in the batch or has its guess checked goes by itself alone', () => {
  fc.assert(
    fc.property(anyJobs, fc.array(fc.nat({ max: 2 })), anyLimits, (jobs, guesses, step) => {
      const active = jobs.map((one, i) => ({ ...one, prefillRemaining: i % 3, guessed: guesses[i] ?? 0 }));
      const { decode, check } = planStep(active, step);
      const streams = active.filter((one) => one.prefillRemaining === 0);
      assert.deepEqual(
        [decode, check],
        [streams.filter((one) => one.guessed === 0), streams.filter((one) => one.guessed > 0)],
      );
    }),
  );
});
