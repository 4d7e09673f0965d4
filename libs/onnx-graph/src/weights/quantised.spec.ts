import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { DECODERS, encodeMatrix } from '../spec/decode.ts';
import { UnencodableError } from './encoding.ts';
import { SMALLEST_SCALE } from './int8.ts';
import { rotate, rotationBlock } from './rotation.ts';

const FORMATS = ['int8', 'int8Blocks', 'int4'] as const;

/**
 * Elements up to here may become zero, as a scale, or the step of a row's scales in int4, would be below the smallest one;
 * rotation makes some larger.
 */
const NEXT_TO_NOTHING = 255 * 15 * SMALLEST_SCALE;

/** Matrices of up to 5 rows, whose widths are and are not multiples of a block, of ordinary to extreme size. */
const matrices = fc
  .record({
    rows: fc.integer({ min: 1, max: 5 }),
    columns: fc.integer({ min: 1, max: 100 }),
    power: fc.integer({ min: -120, max: 100 }),
  })
  .chain(({ rows, columns, power }) =>
    fc
      .array(fc.oneof(fc.constant(0), fc.double({ min: -1, max: 1, noNaN: true })), {
        minLength: rows * columns,
        maxLength: rows * columns,
      })
      .map((values) => ({ rows, columns, data: Float32Array.from(values, (value) => value * 2 ** power) })),
  );

for (const format of FORMATS) {
  const decode = (data: Float32Array, columns: number) => {
    const outputs = encodeMatrix(format, data, columns);
    return Array.from(data, (_, index) => DECODERS[format](outputs, index, columns, data.length / columns));
  };

  /** What the elements that are stored stand for. */
  const storedOf = (data: Float32Array, columns: number) => {
    if (format !== 'int8Blocks') rotate(data, 0, data.length, rotationBlock(columns));
    return data;
  };

  suite(`a weight in ${format}`, () => {
    test('keeps zeros', () => {
      fc.assert(
        fc.property(matrices, ({ data, columns }) => {
          const decoded = decode(data, columns);
          const stored = storedOf(data, columns);
          decoded.forEach(({ value }, index) => {
            assert.ok(Number.isFinite(value));
            if (stored[index] === 0) assert.equal(value, 0);
          });
        }),
      );
    });

    test('is off by half a step at most where nothing is clipped', () => {
      fc.assert(
        fc.property(matrices, ({ data, columns }) => {
          const isInt4 = format === 'int4';
          const decoded = decode(data, columns);
          const stored = storedOf(data, columns);
          decoded.forEach(({ value, scale }, index) => {
            const width = isInt4 ? clippedBy(stored, index, columns, scale) : 0;
            const error = Math.abs(value - (stored[index] ?? Number.NaN));
            assert.ok(
              error <= 0.5001 * Math.abs(scale) + width + NEXT_TO_NOTHING,
              `${error} with a step of ${scale}`,
            );
          });
        }),
      );
    });

    test('keeps a block of one value, but for the last bits', () => {
      for (const value of [0, 1, -1, 0.3, -7e-20, 5e20]) {
        const data = new Float32Array(64).fill(value);
        const decoded = decode(data, 32);
        for (const [index, element] of storedOf(data, 32).entries())
          assert.ok(Math.abs((decoded[index]?.value ?? Number.NaN) - element) <= Math.abs(value) * 4e-6);
      }
    });

    test('cannot be made of NaN or infinity, which the error names with the row', () => {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const data = new Float32Array(4 * 40).fill(0.5);
        data[2 * 40 + 35] = value;
        assert.throws(
          () => encodeMatrix(format, data, 40),
          (error) =>
            error instanceof UnencodableError && error.row === 2 && error.message.includes(String(value)),
        );
      }
    });

    test('comes out the same whichever rows are encoded together', () => {
      const data = Float32Array.from({ length: 7 * 40 }, (_, index) => Math.sin(index * index));
      const together = decode(data, 40);
      const alone = [...Array(7).keys()].flatMap((row) => decode(data.slice(row * 40, (row + 1) * 40), 40));
      assert.deepEqual(alone, together);
    });
  });
}

/** How far an element lies beyond what the codes of its block reach: int4 may cut the ends of a block off. */
function clippedBy(data: Float32Array, index: number, columns: number, scale: number): number {
  const column = index % columns;
  const begin = index - (column % 32);
  const end = Math.min(begin + 32, index - column + columns);
  const block = data.subarray(begin, end);
  const range = Math.max(0, ...block) - Math.min(0, ...block);
  return Math.max(0, range - 15 * Math.abs(scale));
}
