import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UnencodableError } from './encoding.ts';
import { float16 } from './float16.ts';

test('a number becomes the nearest float16, and of two the even one', () => {
  const finite = FINITE.length - 1;
  const magnitude = fc
    .tuple(fc.nat(finite - 1), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([index, part]) => {
      const [below = 0, above = 0] = [FINITE[index], FINITE[index + 1]];
      return Math.fround(below + (above - below) * part);
    });
  fc.assert(
    fc.property(magnitude, fc.boolean(), (value, isNegative) => {
      const expected = nearest(value) | (isNegative ? 0x8000 : 0);
      assert.equal(encode([isNegative ? -value : value])[0], expected, String(value));
    }),
    { numRuns: 300 },
  );
});

test('every float16 stays itself, and what lies between two goes to the even one', () => {
  assert.deepEqual([...encode([...FINITE])], [...FINITE.keys()]);
  const middles = FINITE.slice(1).map((value, index) => (value + (FINITE[index] ?? 0)) / 2);
  assert.deepEqual(
    [...encode(middles)],
    middles.map((_, index) => index + (index & 1)),
  );
});

test('a number that float16 cannot hold is refused with its row', () => {
  assert.equal(encode([65_519])[0], 0x7bff);
  for (const value of [65_520, -70_000, Infinity, NaN])
    assert.throws(
      () => encode([1, 2, 3, 4, value, 6], 2),
      (error) => error instanceof UnencodableError && error.row === 2 && error.message.includes(`${value}`),
    );
});

/** The finite float16 numbers from 0 on: the index is the bits. */
const FINITE = Array.from({ length: 0x7c00 }, (_, bits) => {
  const exponent = bits >> 10;
  const fraction = (bits & 0x3ff) / 0x400;
  return exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
});

function nearest(value: number): number {
  const above = FINITE.findIndex((candidate) => candidate >= value);
  const below = Math.max(0, above - 1);
  const [up, down] = [(FINITE[above] ?? 0) - value, value - (FINITE[below] ?? 0)];
  if (up === down) return above & 1 ? below : above;
  return up < down ? above : below;
}

function encode(values: readonly number[], columns = 1): Uint16Array {
  const totalRows = values.length / columns;
  const output = new Uint8Array(values.length * 2);
  const chunk = { rows: Float32Array.from(values), first: 0, count: totalRows, columns, totalRows };
  float16.encode(chunk, [output]);
  return new Uint16Array(output.buffer);
}
