import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planAdmission, planStep } from './scheduler.ts';

interface Job {
  readonly id: number;
  prefillRemaining: number;
  decodeRemaining: number;
}

const anyJobs = fc
  .array(fc.record({ prompt: fc.integer({ min: 1, max: 900 }), answer: fc.integer({ min: 1, max: 20 }) }), {
    minLength: 1,
    maxLength: 30,
  })
  .map((sizes) =>
    sizes.map(({ prompt, answer }, id): Job => ({ id, prefillRemaining: prompt, decodeRemaining: answer })),
  );
const anyBudget = fc.integer({ min: 1, max: 300 });

test('every decoding sequence advances; prompts share the budget in order of arrival', () => {
  fc.assert(
    fc.property(anyJobs, fc.array(fc.boolean()), anyBudget, (jobs, decoding, budget) => {
      const active = jobs.map((job, i) => (decoding[i] ? { ...job, prefillRemaining: 0 } : job));
      const { decode, prefill } = planStep(active, budget);
      assert.deepEqual(
        decode,
        active.filter((job) => job.prefillRemaining === 0),
      );
      const waiting = active.filter((job) => job.prefillRemaining > 0);
      assert.deepEqual(
        prefill.map(({ sequence }) => sequence),
        waiting.slice(0, prefill.length),
      );
      const used = prefill.reduce((sum, { tokens }) => sum + tokens, 0);
      const wanted = waiting.reduce((sum, job) => sum + job.prefillRemaining, 0);
      assert.equal(used, Math.min(budget, wanted), 'the whole budget is used and no more');
      assert.ok(prefill.every(({ tokens }) => tokens > 0));
      assert.ok(prefill.slice(0, -1).every(({ sequence, tokens }) => tokens === sequence.prefillRemaining));
    }),
  );
});

test('everyone finishes, in at most as many steps as there is work, and slots are never short', () => {
  fc.assert(
    fc.property(anyJobs, anyBudget, fc.integer({ min: 1, max: 8 }), (jobs, budget, slots) => {
      const work = jobs.reduce(
        (sum, job) => sum + Math.ceil(job.prefillRemaining / budget) + job.decodeRemaining,
        0,
      );
      let waiting: readonly Job[] = jobs;
      let active: readonly Job[] = [];
      const admitted: number[] = [];
      for (let step = 0; waiting.length + active.length > 0; step++) {
        assert.ok(step <= work + jobs.length, 'no step is idle');
        const entering = planAdmission(waiting, slots - active.length);
        waiting = waiting.slice(entering.length);
        active = [...active, ...entering];
        admitted.push(...entering.map(({ id }) => id));
        assert.ok(active.length <= slots);
        const { decode, prefill } = planStep(active, budget);
        const served = [...decode, ...prefill.map(({ sequence }) => sequence)];
        assert.equal(new Set(served).size, served.length, 'nobody is served twice in a step');
        for (const job of decode) job.decodeRemaining--;
        for (const { sequence, tokens } of prefill) sequence.prefillRemaining -= tokens;
        active = active.filter((job) => job.decodeRemaining > 0);
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

test('a prompt is cut into chunks of the budget', () => {
  const job = { id: 0, prefillRemaining: 600, decodeRemaining: 1 };
  const chunks: number[] = [];
  while (job.prefillRemaining > 0) {
    const [chunk] = planStep([job], 256).prefill;
    chunks.push(chunk?.tokens ?? 0);
    job.prefillRemaining -= chunk?.tokens ?? 0;
  }
  assert.deepEqual(chunks, [256, 256, 88]);
});
