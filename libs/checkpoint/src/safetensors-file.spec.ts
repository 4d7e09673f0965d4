import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import fc from 'fast-check';
import { SafetensorsFile } from './safetensors-file.ts';
import { coded } from './spec/coded.ts';
import { float32, safetensors, withHeader } from './spec/safetensors-writer.ts';
import { TemporaryFolder } from './spec/temporary-folder.ts';

test('float32 tensors are read as they were written', async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.file('model.safetensors');
  const values = fc.array(fc.float(), { maxLength: 50 });
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), values, { maxKeys: 5 }), async (tensors) => {
      const written = Object.fromEntries(
        Object.entries(tensors)
          .filter(([name]) => name !== '__metadata__')
          .map(([name, floats]) => [name, float32([1, floats.length], floats)]),
      );
      await writeFile(path, safetensors(written));
      const file = await SafetensorsFile.open(path);
      assert.deepEqual([...file.names()].sort(), Object.keys(written).sort());
      for (const name of file.names()) {
        assert.deepEqual(file.info(name), { dtype: 'F32', shape: [1, tensors[name]?.length] });
        assert.deepEqual(await file.read(name), Float32Array.from(tensors[name] ?? []));
        assert.deepEqual(await file.readBytes(name), written[name]?.bytes);
      }
    }),
    { numRuns: 50 },
  );
});

test('every float16 and every bfloat16 becomes the float32 of the same value', async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.file('model.safetensors');
  const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
  const bytes = new Uint8Array(all.buffer);
  const shape = [256, 256];
  // A first tensor of one byte, so that the others are not aligned.
  const odd = { dtype: 'U8', shape: [1], bytes: Uint8Array.of(7) } as const;
  await writeFile(
    path,
    safetensors({ odd, half: { dtype: 'F16', shape, bytes }, brain: { dtype: 'BF16', shape, bytes } }),
  );
  const file = await SafetensorsFile.open(path);
  // As plain numbers: among typed arrays NaNs of different bits are unequal.
  assert.deepEqual([...(await file.read('half'))], Array.from(all, halfValue));
  assert.deepEqual(
    new Uint32Array((await file.read('brain')).buffer),
    Uint32Array.from(all, (bits) => bits * 0x10000),
  );
});

test('a tensor that is no float is named with its type, and its bytes can be read', async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.file('model.safetensors');
  const bytes = new Uint8Array(BigInt64Array.of(-1n, 5n).buffer);
  await writeFile(path, safetensors({ ids: { dtype: 'I64', shape: [2], bytes } }));
  const file = await SafetensorsFile.open(path);
  await assert.rejects(
    file.read('ids'),
    coded('checkpoint_invalid', 'model.safetensors', '"ids"', 'I64', 'BF16'),
  );
  assert.deepEqual(await file.readBytes('ids'), bytes);
  await assert.rejects(file.read('other'), coded('checkpoint_invalid', 'model.safetensors', '"other"'));
});

test('a file that claims a header of 100 GB costs one error', async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.file('model.safetensors');
  const bytes = withHeader('{}');
  new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(0, 100_000_000_000n, true);
  await writeFile(path, bytes);
  await assert.rejects(
    SafetensorsFile.open(path),
    coded('checkpoint_invalid', 'model.safetensors', '100000000000'),
  );
});

test('a file that is missing, a folder, or becomes shorter while it is open is named', async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.file('model.safetensors');
  await assert.rejects(SafetensorsFile.open(path), coded('checkpoint_file_missing', 'model.safetensors'));
  await assert.rejects(SafetensorsFile.open(folder.path), coded('checkpoint_invalid'));
  const bytes = safetensors({ weight: float32([2], [1, 2]) });
  await writeFile(path, bytes);
  const file = await SafetensorsFile.open(path);
  await truncate(path, bytes.length - 1);
  await assert.rejects(file.read('weight'), coded('checkpoint_invalid', 'model.safetensors', 'shorter'));
});

test('a damaged file is read in full or refused with a code, never a crash or a hang', async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.file('model.safetensors');
  const whole = safetensors({ a: float32([3], [1, 2, 3]), b: float32([2, 2], [4, 5, 6, 7]) });
  const damage = fc.record({
    keep: fc.nat(whole.length),
    add: fc.uint8Array({ maxLength: 8 }),
    edits: fc.array(fc.tuple(fc.nat(whole.length), fc.nat(255)), { maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.boolean(), damage, async (cut, { keep, add, edits }) => {
      const bytes = Buffer.concat([cut ? whole.subarray(0, keep) : whole, cut ? new Uint8Array() : add]);
      for (const [position, byte] of edits) if (position < bytes.length) bytes[position] = byte;
      await writeFile(path, bytes);
      try {
        const file = await SafetensorsFile.open(path);
        for (const name of file.names()) await file.readBytes(name);
      } catch (error) {
        assert.ok(error instanceof DiptychError && error.code === 'checkpoint_invalid', String(error));
      }
    }),
    { numRuns: 300 },
  );
});

/** Value of a float16 by its definition. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 0x400;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}
