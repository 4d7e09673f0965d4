import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CachedAttentionOptions } from '../attention-sizes.ts';
import { AMX, processorHas } from '../processor.ts';
import { runOperator } from '../spec/run-operator.ts';
import { prefillOperator } from './spec/prefill-operator.ts';
import { attendRow, compare, noise } from './spec/reference.ts';

const skip = processorHas(AMX) ? false : 'the processor has no AMX with bfloat16';

/** Of the largest number of the result: bfloat16 has 8 bits. */
const ALLOWED = 0.01;

const SMALL = { heads: 4, kvHeads: 2, headDim: 16, scale: 0.25 };

test('sees what stands up to a row, as float64 does', { skip }, async () => {
  for (const length of [2, 16, 100])
    for (const past of [0, 1, 63, 64, 300]) await check(SMALL, [{ length, past }]);
  for (const headDim of [64, 72, 128, 256]) {
    await check({ heads: 3, kvHeads: 1, headDim, scale: headDim ** -0.5 }, [{ length: 33, past: 150 }]);
    await check({ heads: 2, kvHeads: 2, headDim, scale: headDim ** -0.5 }, [{ length: 7, past: 0 }]);
  }
});

test('sees no further back than the window', { skip }, async () => {
  for (const slidingWindow of [1, 3, 64, 130])
    for (const past of [0, 1, 63, 300])
      for (const length of [2, 100]) await check({ ...SMALL, slidingWindow }, [{ length, past }]);
});

test('takes sequences of different lengths in one step', { skip }, async () => {
  for (const window of [{}, { slidingWindow: 40 }])
    await check({ ...SMALL, ...window }, [
      { length: 20, past: 3 },
      { length: 20, past: 280 },
      { length: 20, past: 0 },
    ]);
});

test('gives a row the same bits in steps of any length, on one thread and on three', { skip }, async () => {
  for (const options of [
    SMALL,
    { ...SMALL, slidingWindow: 70 },
    { heads: 3, kvHeads: 1, headDim: 64, scale: 0.125 },
    { heads: 3, kvHeads: 1, headDim: 64, scale: 0.125, slidingWindow: 150 },
  ]) {
    const total = 300;
    const sequence = draw(options, total);
    const whole = await run(options, [{ ...sequence, length: total, past: 0 }], 3);
    for (const [past, length] of STEPS) {
      const rows = await run(options, [{ ...sequence, length, past }], past % 2 === 0 ? 1 : 3);
      const width = options.heads * options.headDim;
      assert.deepEqual(rows, whole.slice(past * width, (past + length) * width), `${length} behind ${past}`);
    }
  }
});

/** Where steps begin and how long they are: at and beside the bounds of tiles and of blocks of keys. */
const STEPS = [
  [0, 2],
  [0, 17],
  [15, 2],
  [16, 16],
  [63, 3],
  [64, 64],
  [100, 50],
  [127, 2],
  [128, 130],
  [129, 15],
  [250, 50],
  [298, 2],
] as const;

test('gives a sequence the same bits alone and in a batch', { skip }, async () => {
  for (const options of [SMALL, { ...SMALL, slidingWindow: 70 }]) {
    const steps = [5, 170, 64].map((past) => ({ ...draw(options, past + 20), length: 20, past }));
    const together = await run(options, steps, 3);
    const elements = 20 * options.heads * options.headDim;
    for (const [index, step] of steps.entries())
      assert.deepEqual(
        await run(options, [step], 1),
        together.slice(index * elements, (index + 1) * elements),
      );
  }
});

/** A sequence's queries of all its positions, and its cache. */
interface Sequence {
  readonly queries: Float32Array<ArrayBuffer>;
  readonly keys: Float32Array<ArrayBuffer>;
  readonly values: Float32Array<ArrayBuffer>;
  readonly positions: number;
}

interface Step extends Sequence {
  readonly length: number;
  readonly past: number;
}

let seed = 1;

function draw({ heads, kvHeads, headDim }: CachedAttentionOptions, positions: number): Sequence {
  seed += 3;
  return {
    queries: noise(positions * heads * headDim, seed),
    keys: noise(kvHeads * positions * headDim, seed + 1),
    values: noise(kvHeads * positions * headDim, seed + 2),
    positions,
  };
}

/** Runs a step; behind each sequence's end the cache holds what is no number. */
async function run(options: CachedAttentionOptions, steps: readonly Step[], threads: number) {
  const { heads, kvHeads, headDim } = options;
  const [batch, length] = [steps.length, steps[0]?.length ?? 0];
  const width = heads * headDim;
  const capacity = Math.max(...steps.map((step) => step.past + length)) + 5;
  const queries = new Float32Array(batch * length * width);
  const caches = [0, 1].map(() => new Float32Array(batch * kvHeads * capacity * headDim).fill(NaN));
  for (const [index, step] of steps.entries()) {
    const { past, positions } = step;
    queries.set(step.queries.subarray(past * width, (past + length) * width), index * length * width);
    for (const [cache, data] of [step.keys, step.values].entries())
      for (let head = 0; head < kvHeads; head++)
        caches[cache]?.set(
          data.subarray(head * positions * headDim, (head * positions + past + length) * headDim),
          (index * kvHeads + head) * capacity * headDim,
        );
  }
  const cacheShape = [batch, kvHeads, capacity, headDim];
  const result = new Float32Array(queries.length);
  const shape = [batch, length, width];
  await runOperator(prefillOperator(options), {
    inputs: [
      { shape, data: queries },
      ...caches.map((data) => ({ shape: cacheShape, data })),
      { shape: [batch], data: Int32Array.from(steps, (step) => step.past + length - 1) },
    ],
    outputs: [{ shape, data: result }, undefined, undefined, undefined],
    threads,
  });
  return result;
}

async function check(
  options: CachedAttentionOptions,
  sizes: readonly { readonly length: number; readonly past: number }[],
): Promise<void> {
  const { heads, kvHeads, headDim, scale, slidingWindow = Infinity } = options;
  const steps = sizes.map(({ length, past }) => ({ ...draw(options, past + length), length, past }));
  const actual = await run(options, steps, 2);
  const pairs = steps.flatMap(({ length, past, queries, keys, values, positions }, sequence) =>
    Array.from({ length: length * heads }, (_, index) => {
      const [row, head] = [Math.floor(index / heads), index % heads];
      const start = (position: number, kvHead: number) => (kvHead * positions + position) * headDim;
      const to = past + row + 1;
      const place = ((past + row) * heads + head) * headDim;
      const expected = attendRow({
        query: queries.subarray(place, place + headDim),
        keys: { data: keys, start },
        values: { data: values, start },
        kvHead: Math.floor((head * kvHeads) / heads),
        from: Math.max(0, to - slidingWindow),
        to,
        scale,
      });
      const result = ((sequence * length + row) * heads + head) * headDim;
      return { actual: actual.subarray(result, result + headDim), expected };
    }),
  );
  const { error, largest } = compare(pairs);
  assert.ok(error < ALLOWED * largest, `${JSON.stringify([options, sizes])}: ${error} of ${largest}`);
}
