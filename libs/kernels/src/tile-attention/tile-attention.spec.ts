import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AMX, processorHas } from '../processor.ts';
import { runOperator } from '../spec/run-operator.ts';
import { attendRow, compare, noise } from './spec/reference.ts';
import { tileAttention, tileAttentionName, tileAttentionSizes } from './tile-attention.ts';

const skip = processorHas(AMX) ? false : 'the processor has no AMX with bfloat16';

/** Of the largest number of the result: bfloat16 has 8 bits. */
const ALLOWED = 0.01;

test('gives what float64 gives, within what bfloat16 leaves of it', { skip }, async () => {
  for (const [heads, headDim] of [
    [1, 16],
    [3, 64],
    [1, 72],
    [2, 8],
    [1, 128],
    [1, 256],
  ] as const)
    for (const length of [1, 15, 16, 17, 64, 100, 300]) await check({ heads, headDim, length });
  await check({ heads: 12, headDim: 64, length: 1024 });
  await check({ heads: 2, headDim: 72, length: 729 });
});

test('takes scores of any size', { skip }, async () => {
  await check({ heads: 1, headDim: 64, length: 200, scale: 2 });
  await check({ heads: 1, headDim: 64, length: 200, scale: 1e-6 });
});

test('gives a sequence the same bits alone and in a batch, on one thread and on three', {
  skip,
}, async () => {
  for (const [heads, headDim, length] of [
    [3, 64, 100],
    [2, 72, 65],
  ] as const) {
    const sizes = { heads, headDim, length, batch: 3 };
    const inputs = draw(sizes);
    const together = await run({ ...sizes, inputs, threads: 3 });
    assert.deepEqual(await run({ ...sizes, inputs, threads: 1 }), together);
    const elements = length * heads * headDim;
    for (const sequence of [0, 1, 2]) {
      const part = (data: Float32Array<ArrayBuffer>) =>
        data.slice(sequence * elements, (sequence + 1) * elements);
      const alone = await run({ ...sizes, batch: 1, inputs: inputs.map(part), threads: 1 });
      assert.deepEqual(alone, part(together));
    }
  }
});

test('keeps what is no number to the sequence and head that have it', { skip }, async () => {
  const sizes = { heads: 2, headDim: 16, length: 20, batch: 2 };
  const clean = draw(sizes);
  const expected = await run({ ...sizes, inputs: clean, threads: 1 });
  const broken = clean.map((data) => data.slice());
  for (const data of broken) for (let row = 0; row < 20; row++) data.fill(NaN, row * 32, row * 32 + 16);
  const actual = await run({ ...sizes, inputs: broken, threads: 1 });
  for (const [index, value] of actual.entries()) {
    if (index < 640 && index % 32 < 16) assert.ok(Number.isNaN(value));
    else assert.equal(value, expected[index]);
  }
});

test('works on no sequence and on no row', { skip }, async () => {
  for (const [batch, length] of [
    [0, 5],
    [2, 0],
  ] as const) {
    const sizes = { heads: 1, headDim: 16, length, batch };
    assert.equal((await run({ ...sizes, inputs: draw(sizes), threads: 1 })).length, 0);
  }
});

test('tells its sizes in its name', () => {
  const options = { heads: 12, headDim: 64, scale: Math.fround(0.3) };
  const numbers = tileAttentionName(options).split('_').slice(1).map(Number);
  assert.deepEqual(tileAttentionSizes(numbers), options);
});

interface Sizes {
  readonly heads: number;
  readonly headDim: number;
  readonly length: number;
  readonly batch?: number;
  readonly scale?: number;
}

type Inputs = readonly Float32Array<ArrayBuffer>[];

function draw({ heads, headDim, length, batch = 1 }: Sizes): Inputs {
  return [1, 2, 3].map((seed) => noise(batch * length * heads * headDim, seed));
}

async function run(
  options: Sizes & { readonly inputs: Inputs; readonly threads: number },
): Promise<Float32Array<ArrayBuffer>> {
  const { heads, headDim, length, batch = 1, scale = headDim ** -0.5, inputs, threads } = options;
  const shape = [batch, length, heads * headDim];
  const data = new Float32Array(batch * length * heads * headDim).fill(7);
  await runOperator(tileAttention({ heads, headDim, scale }), {
    inputs: inputs.map((input) => ({ shape, data: input })),
    outputs: [{ shape, data }, undefined],
    threads,
  });
  return data;
}

/** Compares with float64: every row of a short input, some of a long one. */
async function check(sizes: Sizes): Promise<void> {
  const { heads, headDim, length, scale = headDim ** -0.5 } = sizes;
  const inputs = draw(sizes);
  const actual = await run({ ...sizes, inputs, threads: 2 });
  const [queries, keys, values] = inputs;
  assert.ok(queries && keys && values);
  const start = (position: number, head: number) => (position * heads + head) * headDim;
  const { error, largest } = compare(
    pick(length).flatMap((position) =>
      Array.from({ length: heads }, (_, head) => {
        const place = start(position, head);
        const query = queries.subarray(place, place + headDim);
        const rows = { keys: { data: keys, start }, values: { data: values, start } };
        const expected = attendRow({ query, ...rows, kvHead: head, from: 0, to: length, scale });
        return { actual: actual.subarray(place, place + headDim), expected };
      }),
    ),
  );
  assert.ok(error < ALLOWED * largest, `${JSON.stringify(sizes)}: ${error} of ${largest}`);
}

function pick(length: number): number[] {
  const positions = Array.from({ length }, (_, position) => position);
  return length <= 100
    ? positions
    : positions.filter((position) => position % 23 === 0 || position === length - 1);
}
