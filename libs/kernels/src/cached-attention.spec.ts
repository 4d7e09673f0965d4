import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CachedAttentionOptions } from './attention-sizes.ts';
import { cachedAttention, cachedAttentionName, cachedAttentionSizes } from './cached-attention.ts';
import { AMX, AVX512, processorHas } from './processor.ts';
import { attentionStep, expectedRows, rowsOf, type Step, stepOf } from './spec/attention-step.ts';
import { runNode, runOperator } from './spec/run-operator.ts';

const skip = processorHas(AVX512) ? false : 'this processor has no AVX-512';
const skipTiles = processorHas(AMX) ? false : 'this processor has no AMX with bfloat16';

const BATCHES = [[1, 2, 15, 16, 17, 255, 256, 257], [1300]];

const SIZES: readonly CachedAttentionOptions[] = [
  { heads: 3, kvHeads: 3, headDim: 16, scale: 0.25 },
  { heads: 6, kvHeads: 2, headDim: 32, scale: 0.2 },
  { heads: 9, kvHeads: 3, headDim: 64, scale: 0.125 },
  { heads: 4, kvHeads: 1, headDim: 80, scale: 0.11 },
  { heads: 8, kvHeads: 1, headDim: 128, scale: 0.09 },
  { heads: 4, kvHeads: 2, headDim: 256, scale: 0.0625 },
  { heads: 9, kvHeads: 3, headDim: 64, scale: 0.125, slidingWindow: 1 },
  { heads: 9, kvHeads: 3, headDim: 64, scale: 0.125, slidingWindow: 100 },
  { heads: 2, kvHeads: 2, headDim: 48, scale: 0.15, slidingWindow: 256 },
];

for (const options of SIZES) {
  const { heads, kvHeads, headDim, slidingWindow } = options;
  const window = slidingWindow === undefined ? '' : ` in a window of ${slidingWindow}`;
  test(`one row of ${heads} heads of ${headDim} sees ${kvHeads} heads of keys${window}`, {
    skip,
  }, async () => {
    for (const totals of BATCHES) {
      const step = attentionStep(options, { totals, length: 1 });
      const expected = expectedRows(options, step);
      assertClose(await attend(options, step), expected);
    }
  });
}

test('new keys and values come behind the others, which stay as they are', { skip }, async () => {
  const options = { heads: 4, kvHeads: 2, headDim: 32, scale: 0.2 };
  const step = attentionStep(options, { totals: [1, 40], length: 1 });
  const before = stepOf(step);
  await attend(options, step);
  for (const [batch, total] of step.totals.entries())
    for (let head = 0; head < options.kvHeads; head++) {
      const start = (batch * options.kvHeads + head) * step.capacity * 32;
      const place = start + (total - 1) * 32;
      for (const cache of ['keys', 'values'] as const) {
        const [now, then] = [step[cache], before[cache]];
        assert.deepEqual(now.subarray(start, place), then.subarray(start, place));
        assert.ok(now.subarray(place, place + 32).every((element) => !Number.isNaN(element)));
        assert.ok(now.subarray(place + 32, start + step.capacity * 32).every(Number.isNaN));
      }
      const row = batch * (4 + 2 * 2) * 32 + (4 + 2 + head) * 32;
      assert.deepEqual(step.values.subarray(place, place + 32), step.qkv.subarray(row, row + 32));
    }
});

test('a row becomes the same alone and in a batch, on one thread and on three', { skip }, async () => {
  for (const slidingWindow of [undefined, 300]) {
    const options = { heads: 9, kvHeads: 3, headDim: 64, scale: 0.125, slidingWindow };
    const batch = attentionStep(options, { totals: [7, 1300, 256, 611, 1], length: 1 });
    const together = await attend(options, stepOf(batch), { threads: 3 });
    assert.deepEqual(await attend(options, stepOf(batch), { threads: 1 }), together);
    for (const sequence of batch.totals.keys()) {
      const row = together.slice(sequence * 576, (sequence + 1) * 576);
      assert.deepEqual(await attend(options, stepOf(batch, sequence), { threads: 3 }), row);
      assert.deepEqual(await attend(options, stepOf(batch, sequence), { threads: 1 }), row);
    }
  }
});

test('is what GroupQueryAttention computes', { skip }, async () => {
  for (const slidingWindow of [undefined, 50]) {
    const options = { heads: 9, kvHeads: 3, headDim: 64, scale: 0.125, slidingWindow };
    const step = attentionStep(options, { totals: [64, 300, 5], length: 1 });
    const actual = await attend(options, stepOf(step));
    assertClose(actual, await groupQueryAttention(options, withoutNaN(step)));
  }
});

test('scores far apart leave the largest alone', { skip }, async () => {
  const options = { heads: 1, kvHeads: 1, headDim: 16, scale: 1000 };
  const step = attentionStep(options, { totals: [600], length: 1 });
  assertClose(await attend(options, stepOf(step)), expectedRows(options, step));
});

for (const slidingWindow of [undefined, 100]) {
  const options = { heads: 9, kvHeads: 3, headDim: 64, scale: 0.125, slidingWindow };
  const window = slidingWindow === undefined ? '' : ` in a window of ${slidingWindow}`;

  test(`several rows without tiles are what they are one by one${window}`, { skip }, async () => {
    const step = attentionStep(options, { totals: [300], length: 37 });
    assertClose(await attend(options, stepOf(step), { tiles: false }), expectedRows(options, step));
  });

  test(`several rows with tiles are as exact as bfloat16${window}`, { skip: skipTiles }, async () => {
    for (const [total, length] of [
      [300, 37],
      [64, 64],
      [700, 2],
    ] as const) {
      const step = attentionStep(options, { totals: [total], length });
      const actual = await attend(options, stepOf(step), { tiles: true });
      assertClose(actual, expectedRows(options, step), 0.05);
    }
  });

  test(`a row is the same in steps of any length${window}`, { skip: skipTiles }, async () => {
    const whole = attentionStep(options, { totals: [300], length: 300 });
    const rows = await attend(options, stepOf(whole), { tiles: true, threads: 3 });
    for (const lengths of [
      [2, 298],
      [128, 128, 44],
      [100, 150, 50],
    ]) {
      const caches = stepOf(whole);
      let start = 0;
      for (const length of lengths) {
        const step = rowsOf(caches, { start, length });
        const part = await attend(options, step, { tiles: true, threads: 1 });
        assert.deepEqual(part, rows.slice(start * 576, (start + length) * 576));
        start += length;
      }
    }
  });
}

test('a name tells the sizes', () => {
  for (const options of [...SIZES, { heads: 1, kvHeads: 1, headDim: 16, scale: Math.fround(1 / 3) }]) {
    const [kind, ...numbers] = cachedAttentionName(options).split('_');
    const told = cachedAttentionSizes(numbers.map(Number));
    assert.equal(kind, 'CachedAttention');
    assert.deepEqual(
      { ...told },
      { slidingWindow: undefined, ...options, scale: Math.fround(options.scale) },
    );
  }
});

async function attend(
  options: CachedAttentionOptions,
  step: Step,
  { threads = 2, tiles = false }: { readonly threads?: number; readonly tiles?: boolean } = {},
): Promise<Float32Array> {
  const { inputs, cache, output } = bindings(options, step);
  const code = cachedAttention(options, { tiles });
  // A process keeps one operator for a name.
  await runOperator(tiles ? { ...code, name: `${code.name}_tiles` } : code, {
    inputs: [inputs.qkv, ...cache, inputs.seqlens, inputs.cos, inputs.sin],
    outputs: [output, ...cache, undefined],
    threads,
  });
  return output.data;
}

async function groupQueryAttention(options: CachedAttentionOptions, step: Step): Promise<Float32Array> {
  const { inputs, cache, output } = bindings(options, step);
  const { heads, kvHeads, slidingWindow = -1 } = options;
  const longest = { shape: [1], data: Int32Array.of(Math.max(...step.totals)) };
  const attributes = { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1 };
  await runNode(
    {
      name: 'GroupQueryAttention',
      domain: 'com.microsoft',
      attributes: slidingWindow < 0 ? attributes : { ...attributes, local_window_size: slidingWindow },
    },
    {
      inputs: [inputs.qkv, undefined, undefined, ...cache, inputs.seqlens, longest, inputs.cos, inputs.sin],
      outputs: [output, ...cache],
    },
  );
  return output.data;
}

function bindings({ heads, kvHeads, headDim }: CachedAttentionOptions, step: Step) {
  const { totals, length, capacity, qkv, keys, values, cos, sin } = step;
  const batch = totals.length;
  const shape = [batch, kvHeads, capacity, headDim];
  return {
    inputs: {
      qkv: { shape: [batch, length, (heads + 2 * kvHeads) * headDim], data: qkv },
      seqlens: { shape: [batch], data: Int32Array.from(totals, (total) => total - 1) },
      cos: { shape: [capacity, headDim / 2], data: cos },
      sin: { shape: [capacity, headDim / 2], data: sin },
    },
    cache: [
      { shape, data: keys },
      { shape, data: values },
    ],
    output: {
      shape: [batch, length, heads * headDim],
      data: new Float32Array(batch * length * heads * headDim),
    },
  };
}

/** ONNX Runtime's operator multiplies what lies behind a sequence's end, by zero. */
function withoutNaN(step: Step): Step {
  const clean = (rows: Float32Array) => rows.map((element) => (Number.isNaN(element) ? 0 : element));
  return { ...step, keys: clean(step.keys), values: clean(step.values) };
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, allowed = 1e-5): void {
  assert.equal(actual.length, expected.length);
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs((actual[index] ?? Number.NaN) - (expected[index] ?? Number.NaN));
    assert.ok(difference < allowed, `element ${index} is ${actual[index]}, not ${expected[index]}`);
  }
}
