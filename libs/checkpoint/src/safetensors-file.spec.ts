import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { DiptychError } from '@diptych/errors';
import fc from 'fast-check';
import { SafetensorsFile } from './safetensors-file.ts';
import { coded } from './spec/coded.ts';
import { readLocated } from './spec/read-floats.ts';
import { float32, safetensors, withHeader } from './spec/safetensors-writer.ts';
import { TemporaryFolder } from './spec/temporary-folder.ts';

test('tensors are found where they were written', async () => {
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
        assert.deepEqual(await readLocated(file.locate(name)), written[name]?.bytes);
      }
    }),
    { numRuns: 50 },
  );
});

test('a tensor that is no float is named with its type', async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.file('model.safetensors');
  const bytes = new Uint8Array(BigInt64Array.of(-1n, 5n).buffer);
  await writeFile(path, safetensors({ ids: { dtype: 'I64', shape: [2], bytes } }));
  const file = await SafetensorsFile.open(path);
  assert.throws(
    () => file.locate('ids'),
    coded('checkpoint_invalid', 'model.safetensors', '"ids"', 'I64', 'BF16'),
  );
  assert.throws(() => file.locate('other'), coded('checkpoint_invalid', 'model.safetensors', '"other"'));
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

test('a file that is missing or a folder is named', async () => {
  await using folder = await TemporaryFolder.create();
  const path = folder.file('model.safetensors');
  await assert.rejects(SafetensorsFile.open(path), coded('checkpoint_file_missing', 'model.safetensors'));
  await assert.rejects(SafetensorsFile.open(folder.path), coded('checkpoint_invalid'));
});

test('every tensor of a damaged file lies within it, or the file is refused with a code, never a crash or a hang', async () => {
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
        for (const name of file.names()) checkLocation(bytes, file, name);
      } catch (error) {
        assert.ok(error instanceof DiptychError && error.code === 'checkpoint_invalid', String(error));
      }
    }),
    { numRuns: 300 },
  );
});

/** A tensor that is found lies within the file. */
function checkLocation(bytes: Uint8Array, file: SafetensorsFile, name: string): void {
  if (!['F32', 'F16', 'BF16'].includes(file.info(name).dtype)) return;
  const { offset, dtype, elements } = file.locate(name);
  assert.ok(offset >= 8 && offset + elements * (dtype === 'F32' ? 4 : 2) <= bytes.length);
}
