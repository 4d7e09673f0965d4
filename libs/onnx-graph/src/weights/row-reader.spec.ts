import assert from 'node:assert/strict';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { RowReader } from './row-reader.ts';
import { type FloatDtype, stackRows, type WeightSource } from './weight-source.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'diptych-rows-'));
});
after(() => rm(folder, { recursive: true }));

test('every float16 and every bfloat16 becomes the float32 of the same value', async () => {
  const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
  using reader = new RowReader();
  const half = await stored('half', 'F16', [256, 256], all);
  // As plain numbers: among typed arrays NaNs of different bits are unequal.
  assert.deepEqual([...reader.read(half, 0, 256)], Array.from(all, halfValue));
  const brain = reader.read(await stored('brain', 'BF16', [256, 256], all), 0, 256);
  assert.deepEqual(
    new Uint32Array(brain.buffer, brain.byteOffset, brain.length),
    Uint32Array.from(all, (bits) => bits * 0x10000),
  );
});

test('any rows of stacked tensors of any types are read', async () => {
  const parts = [
    await stored(
      'a',
      'F32',
      [3, 5],
      Float32Array.from({ length: 15 }, (_, i) => i),
    ),
    await stored(
      'b',
      'BF16',
      [1, 5],
      Uint16Array.from({ length: 5 }, (_, i) => 0x4000 + i),
    ),
    await stored(
      'c',
      'F16',
      [4, 5],
      Uint16Array.from({ length: 20 }, (_, i) => 0x3c00 + i),
    ),
  ];
  using reader = new RowReader();
  const whole = parts.flatMap((part) => [...reader.read(part, 0, part.shape[0] ?? 0)]);
  const stacked = stackRows('stacked', parts);
  const range = fc.tuple(fc.nat(8), fc.nat(8)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  fc.assert(
    fc.property(range, ([first, end]) => {
      const rows = reader.read(stacked, first, end - first);
      assert.deepEqual([...rows], whole.slice(first * 5, end * 5));
    }),
  );
});

test('a file that is gone or becomes shorter is named with the tensor', async () => {
  const weight = await stored('weight', 'F32', [2], Float32Array.of(1, 2));
  const path = weight.parts[0]?.path ?? '';
  using reader = new RowReader();
  assert.deepEqual([...reader.read(weight, 1, 1)], [2]);
  await truncate(path, 8);
  const shorter = { code: 'checkpoint_invalid', message: /^weight\.bin: tensor "weight": .*shorter/ };
  assert.throws(() => reader.read(weight, 1, 1), shorter);
  await rm(path);
  using other = new RowReader();
  assert.throws(() => other.read(weight, 0, 1), { code: 'checkpoint_invalid', message: /"weight".*ENOENT/ });
});

/** A weight in a file of its own, behind three bytes, so that it is not aligned. */
async function stored(
  name: string,
  dtype: FloatDtype,
  shape: readonly number[],
  data: Float32Array | Uint16Array,
): Promise<WeightSource> {
  const path = join(folder, `${name}.bin`);
  const bytes = new Uint8Array(data.buffer);
  await writeFile(path, Buffer.concat([Uint8Array.of(1, 2, 3), bytes]));
  return { name, shape, parts: [{ path, offset: 3, dtype, elements: data.length, tensor: name }] };
}

/** Value of a float16 by its definition. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 0x400;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}
