import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AVX512, processorHas } from './processor.ts';
import { type Gate, scaledRows } from './scaled-rows.ts';
import { noise } from './spec/noise.ts';
import { runOperator } from './spec/run-operator.ts';

const skip = processorHas(AVX512) ? false : 'this processor has no AVX-512';

/** As torch.nn.functional has them, in float64. */
const REFERENCE: Readonly<Record<Gate | 'none', (x: number) => number>> = {
  none: (x) => x,
  silu: (x) => x / (1 + Math.exp(-x)),
  quick: (x) => x / (1 + Math.exp(-1.702 * x)),
  tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

for (const gate of [undefined, 'silu', 'quick', 'tanh'] as const) {
  for (const bias of [false, true]) {
    for (const columns of [16, 48, 576]) {
      test(`rows of ${columns}, bias ${bias}, gate ${gate ?? 'none'}`, { skip }, async () => {
        const count = 19;
        const product = noise(count * columns, 1);
        const factors = noise(count, 2).map((value) => 20 * value);
        const shift = noise(columns, 3);
        const result = new Float32Array(count * columns);
        await runOperator(scaledRows({ columns, bias, gate }), {
          inputs: [
            { shape: [count, 1, columns], data: product },
            { shape: [count, 1, 1], data: factors },
            ...(bias ? [{ shape: [columns], data: shift }] : []),
          ],
          outputs: [{ shape: [count, 1, columns], data: result }],
        });
        for (const [index, actual] of result.entries()) {
          const factor = factors[Math.floor(index / columns)] ?? Number.NaN;
          const x = (product[index] ?? 0) * factor + (bias ? (shift[index % columns] ?? 0) : 0);
          const expected = REFERENCE[gate ?? 'none'](x);
          assert.ok(
            Math.abs(actual - expected) < 3e-6 * Math.max(1, Math.abs(x)),
            `${x}: ${actual}, ${expected}`,
          );
        }
      });
    }
  }
}

test('a gate ends in the number or in zero where numbers are huge', { skip }, async () => {
  for (const gate of ['silu', 'quick', 'tanh'] as const) {
    const numbers = [1e4, 1e20, 3e38, -1e4, -1e20, -3e38, 0, -0, ...Array<number>(8).fill(1)];
    const result = new Float32Array(16);
    await runOperator(scaledRows({ columns: 16, bias: false, gate }), {
      inputs: [
        { shape: [1, 16], data: Float32Array.from(numbers) },
        { shape: [1, 1], data: Float32Array.of(1) },
      ],
      outputs: [{ shape: [1, 16], data: result }],
    });
    const expected = Float32Array.from(numbers.slice(0, 8), (x) => Math.max(x, 0));
    for (const [index, value] of expected.entries())
      assert.ok(
        Math.abs((result[index] ?? Number.NaN) - value) <= 1e-6 * value,
        `${gate} of ${numbers[index]}`,
      );
  }
});
