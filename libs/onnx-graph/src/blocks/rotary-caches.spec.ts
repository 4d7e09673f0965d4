import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import { distance } from '../spec/run-graph.ts';
import { type RopeScaling, rotaryCaches } from './rotary-caches.ts';

/**
 * Cosines and sines at positions 1, 100 and 8191 for headDim 8, made with transformers 5.23
 * (LlamaRotaryEmbedding, float32).
 */
const REFERENCE = {
  default: [
    {
      position: 1,
      cos: [0.54030234, 0.99500418, 0.99994999, 0.99999952],
      sin: [0.84147096, 0.09983342, 0.00999983, 0.001],
    },
    {
      position: 100,
      cos: [0.86231887, -0.83907151, 0.54030234, 0.99500418],
      sin: [-0.50636566, -0.54402113, 0.84147096, 0.09983342],
    },
    {
      position: 8191,
      cos: [-0.6463905, -0.65573096, 0.97398758, -0.33067465],
      sin: [-0.76300681, 0.75499463, 0.22660154, 0.94374484],
    },
  ],
  linear: [
    {
      position: 1,
      cos: [0.96891242, 0.99968749, 0.9999969, 1.0],
      sin: [0.24740396, 0.0249974, 0.0025, 0.00025],
    },
    {
      position: 100,
      cos: [0.99120283, -0.80114359, 0.96891242, 0.99968749],
      sin: [-0.13235176, 0.59847212, 0.24740396, 0.0249974],
    },
    {
      position: 8191,
      cos: [0.84275782, -0.84109777, -0.05711566, -0.45907497],
      sin: [-0.53829288, -0.54088306, 0.99836755, 0.88839751],
    },
  ],
  llama3: [
    {
      position: 1,
      cos: [0.54030234, 0.99929297, 0.99999994, 1.0],
      sin: [0.84147096, 0.03759717, 0.00042956, 1.66e-6],
    },
    {
      position: 100,
      cos: [0.86231887, -0.81445312, 0.99907756, 1.0],
      sin: [-0.50636566, -0.5802294, 0.04294246, 0.0001662],
    },
    {
      position: 8191,
      cos: [-0.6463905, 0.98802298, -0.92980772, 0.99990731],
      sin: [-0.76300681, 0.1543068, -0.36804563, 0.01361275],
    },
  ],
};

const LLAMA3: RopeScaling = {
  rope_type: 'llama3',
  factor: 32,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

const CASES = {
  default: { theta: 10_000, scaling: undefined },
  linear: { theta: 10_000, scaling: { type: 'linear', factor: 4 } },
  llama3: { theta: 500_000, scaling: LLAMA3 },
} as const;

for (const [name, { theta, scaling }] of Object.entries(CASES)) {
  test(`${name} tables equal the reference's`, () => {
    const caches = rotaryCaches({ headDim: 8, theta, maxPositions: 8192, scaling });
    assert.deepEqual(caches.shape, [8192, 4]);
    for (const { position, cos, sin } of REFERENCE[name as keyof typeof CASES]) {
      const row = (table: Float32Array) => table.subarray(position * 4, position * 4 + 4);
      assert.ok(distance(row(caches.cos), cos) < 2e-3 * (position / 8191) + 1e-6, `cos at ${position}`);
      assert.ok(distance(row(caches.sin), sin) < 2e-3 * (position / 8191) + 1e-6, `sin at ${position}`);
    }
  });
}

test('an unknown type of scaling is named', () => {
  assert.throws(() => caches({ rope_type: 'yarn' }), invalid('rope_scaling.rope_type'));
});

test('a field that the type needs is named when it is missing', () => {
  assert.throws(
    () => caches({ ...LLAMA3, low_freq_factor: undefined }),
    invalid('rope_scaling.low_freq_factor'),
  );
  assert.throws(() => caches({ rope_type: 'linear' }), invalid('rope_scaling.factor'));
});

function caches(scaling: RopeScaling) {
  return rotaryCaches({ headDim: 8, theta: 10_000, maxPositions: 4, scaling });
}

function invalid(param: string) {
  return (error: unknown) =>
    error instanceof DiptychError &&
    error.code === 'checkpoint_invalid' &&
    error.param === param &&
    error.message.includes(param);
}
