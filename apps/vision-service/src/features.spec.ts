import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataType } from '@diptych/contract';
import fc from 'fast-check';
import { featureBytes } from './features.ts';

/** The engine's own rounding to binary16, which is newer than TypeScript's library. */
const { f16round } = Math as unknown as { f16round: (value: number) => number };

function halfOf(value: number): number {
  const bytes = featureBytes(Float32Array.of(value), DataType.FLOAT16);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint16(0, true);
}

function valueOf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

test('every float16 value comes through unchanged', () => {
  for (let half = 0; half < 0x10000; half += 1) {
    if ((half & 0x7c00) !== 0x7c00) assert.equal(halfOf(valueOf(half)), half);
  }
});

test('any value is rounded to the nearest float16, ties to even', () => {
  const edges = [65504, 65519.99, 2 ** -14, 2 ** -14 - 2 ** -26, 2 ** -24, 2 ** -25, 2 ** -25 + 2 ** -40];
  const ties = [1 + 2 ** -11, 1 + 3 * 2 ** -11, -(1 + 3 * 2 ** -11), 1.5 * 2 ** -24, 2.5 * 2 ** -24];
  const inRange = fc.float({ min: -65504, max: 65504, noNaN: true });
  const tiny = fc.float({ min: Math.fround(-(2 ** -13)), max: Math.fround(2 ** -13), noNaN: true });
  fc.assert(
    fc.property(fc.oneof(inRange, tiny, fc.constantFrom(...edges, ...ties)), (drawn) => {
      const value = Math.fround(drawn);
      assert.equal(valueOf(halfOf(value)), f16round(value));
    }),
    { numRuns: 3000 },
  );
});

test('a value that float16 cannot hold is an error, not infinity', () => {
  for (const value of [65520, -1e9, Infinity, Number.NaN]) {
    assert.throws(() => halfOf(value), { code: 'runtime_failed', message: /ask for float32/ });
  }
});

test('float32 features are their own bytes', () => {
  const features = Float32Array.of(0, 1.5, 2).subarray(1);
  const bytes = featureBytes(features, DataType.FLOAT32);
  assert.deepEqual(new Float32Array(bytes.slice().buffer), Float32Array.of(1.5, 2));
});
