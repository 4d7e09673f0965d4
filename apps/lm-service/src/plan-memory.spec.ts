import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import fc from 'fast-check';
import { planMemory } from './plan-memory.ts';

const GIB = 2 ** 30;
/** About SmolVLM-256M in int8: 46,080 bytes a token, so 360 MiB for a slot of 8,192. */
const MODEL = {
  weightBytes: 162 * 2 ** 20,
  bytesPerToken: 46_080,
  runtimeBytes: 300 * 2 ** 20,
  maxContext: 16_384,
};
const UNSET = { slots: undefined, context: undefined };

function refusal(wanted: Parameters<typeof planMemory>[1], availableBytes: number): DiptychError {
  try {
    planMemory(MODEL, wanted, availableBytes);
  } catch (error) {
    assert.ok(error instanceof DiptychError);
    return error;
  }
  return assert.fail('was accepted');
}

test('with much memory, sixteen slots of 8192 tokens', () => {
  const { slots, context, arithmetic } = planMemory(MODEL, UNSET, 64 * GIB);
  assert.deepEqual([slots, context], [16, 8192]);
  assert.equal(
    arithmetic,
    'weights 162 MiB + cache 5760 MiB (16 slots x 8192 tokens x 46080 bytes) + runtime 300 MiB = 6222 MiB',
  );
});

test('with less memory fewer slots, which take half of what the weights leave', () => {
  const { slots, context, needs } = planMemory(MODEL, UNSET, 4 * GIB);
  assert.deepEqual([slots, context], [5, 8192]);
  assert.equal(needs.cacheBytes, 5 * 360 * 2 ** 20);
});

test('with little memory one slot of a shorter context', () => {
  const { slots, context } = planMemory(MODEL, UNSET, 700 * 2 ** 20);
  assert.equal(slots, 1);
  assert.ok(context > 5000 && context < 8192, String(context));
});

test('a model’s own context is not exceeded', () => {
  assert.equal(planMemory({ ...MODEL, maxContext: 1024 }, UNSET, 64 * GIB).context, 1024);
  assert.equal(refusal({ slots: 1, context: 16_385 }, 64 * GIB).code, 'configuration_invalid');
});

test('what was asked for stays, and the other size is chosen to fit', () => {
  const slots = planMemory(MODEL, { slots: 8, context: undefined }, 2 * GIB);
  assert.equal(slots.slots, 8);
  assert.ok(slots.context < 8192);
  const context = planMemory(MODEL, { slots: undefined, context: 16_384 }, 3 * GIB);
  assert.deepEqual([context.slots, context.context], [1, 16_384]);
});

test('what was asked for and does not fit is refused with the sum', () => {
  const error = refusal({ slots: 8, context: 8192 }, 2 * GIB);
  assert.equal(error.code, 'insufficient_memory');
  assert.match(
    error.message,
    /weights 162 MiB \+ cache 2880 MiB \(8 slots x 8192 tokens x 46080 bytes\) \+ runtime 300 MiB = 3342 MiB, but this process may take 2048 MiB.*--slots.*--context.*--weights/,
  );
});

test('a model for which no sizes are small enough is refused', () => {
  assert.equal(refusal(UNSET, GIB / 2).code, 'insufficient_memory');
  assert.equal(refusal(UNSET, 1).code, 'insufficient_memory');
});

test('whatever is asked for, a plan fits, keeps to it, and is never smaller for more memory', () => {
  const maybe = (max: number) => fc.option(fc.integer({ min: 2, max }), { nil: undefined });
  const anyWish = fc.record({ slots: maybe(40), context: maybe(16_384) });
  const attempt = (wanted: Parameters<typeof planMemory>[1], bytes: number) => {
    try {
      return planMemory(MODEL, wanted, bytes);
    } catch {
      return undefined;
    }
  };
  fc.assert(
    fc.property(anyWish, fc.integer({ min: 0, max: 16 * 1024 }), (wanted, mebibytes) => {
      const bytes = mebibytes * 2 ** 20;
      const plan = attempt(wanted, bytes);
      const more = attempt(wanted, bytes + 2 ** 30);
      if (plan === undefined) return;
      assert.ok(plan.needs.totalBytes <= bytes);
      assert.equal(plan.slots, wanted.slots ?? plan.slots);
      assert.equal(plan.context, wanted.context ?? plan.context);
      assert.ok(more && more.needs.cacheBytes >= plan.needs.cacheBytes);
    }),
  );
});
