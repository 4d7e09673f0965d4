import assert from 'node:assert/strict';
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { openCheckpoint } from './index.ts';
import { coded } from './spec/coded.ts';
import { readFloats } from './spec/read-floats.ts';
import { float32, safetensors } from './spec/safetensors-writer.ts';
import { TemporaryFolder } from './spec/temporary-folder.ts';

const INDEX = 'model.safetensors.index.json';

test('a checkpoint in one file gives its configuration and tensors', async () => {
  await using folder = await singleFile();
  const checkpoint = await openCheckpoint(folder.path);
  assert.equal(checkpoint.id, basename(folder.path));
  assert.equal(checkpoint.folder, folder.path);
  assert.deepEqual(await checkpoint.readJson('config.json'), {
    model_type: 'idefics3',
    text_config: { hidden_size: 2 },
  });
  assert.equal(await checkpoint.readText('chat_template.jinja'), '{{ messages }}');
  assert.ok(checkpoint.has('chat_template.jinja'));
  assert.ok(!checkpoint.has('tokenizer.json'));
  assert.deepEqual(checkpoint.weights.names(), ['a', 'b']);
  assert.ok(checkpoint.weights.has('a') && !checkpoint.weights.has('c'));
  assert.deepEqual(checkpoint.weights.info('a'), { dtype: 'F32', shape: [1, 2] });
  assert.deepEqual(await readFloats(checkpoint.weights.locate('a', [1, 2])), Float32Array.of(1, 2));
});

test('a checkpoint in shards is read as if it were one file', async () => {
  await using folder = await sharded();
  const { weights } = await openCheckpoint(folder.path);
  assert.deepEqual([...weights.names()].sort(), ['a', 'b']);
  assert.deepEqual(await readFloats(weights.locate('a', [1, 2])), Float32Array.of(1, 2));
  assert.deepEqual(await readFloats(weights.locate('b', [1])), Float32Array.of(3));
  assert.deepEqual(weights.size(), { elements: 3, bytes: 12 });
});

test('a folder that is not there, or is no checkpoint, is named', async () => {
  await using folder = await TemporaryFolder.create();
  await assert.rejects(
    openCheckpoint(folder.file('none')),
    coded('checkpoint_not_found', folder.file('none')),
  );
  await assert.rejects(
    openCheckpoint(folder.path),
    coded('checkpoint_file_missing', folder.path, 'config.json'),
  );
});

test('a file that is missing is named', async () => {
  await using folder = await singleFile();
  const checkpoint = await openCheckpoint(folder.path);
  await assert.rejects(
    checkpoint.readJson('tokenizer.json'),
    coded('checkpoint_file_missing', 'tokenizer.json'),
  );
});

test('a file that is not JSON, or not text, is named', async () => {
  await using folder = await singleFile();
  await writeFile(folder.file('config.json'), '{"model_type":');
  await writeFile(folder.file('tokenizer.json'), Uint8Array.of(0x22, 0xff, 0x22));
  await mkdir(folder.file('folder.json'));
  const checkpoint = await openCheckpoint(folder.path);
  await assert.rejects(
    checkpoint.readJson('config.json'),
    coded('checkpoint_invalid', 'config.json', 'JSON'),
  );
  await assert.rejects(
    checkpoint.readJson('tokenizer.json'),
    coded('checkpoint_invalid', 'tokenizer.json', 'UTF-8'),
  );
  await assert.rejects(
    checkpoint.readJson('folder.json'),
    coded('checkpoint_invalid', 'folder.json', 'EISDIR'),
  );
});

test('a field of a wrong type is named with its file and path', async () => {
  await using folder = await singleFile();
  const checkpoint = await openCheckpoint(folder.path);
  const schema = (hiddenSize: z.ZodType) => z.object({ text_config: z.object({ hidden_size: hiddenSize }) });
  const config = await checkpoint.readConfig('config.json', schema(z.number()));
  assert.deepEqual(config, { text_config: { hidden_size: 2 } });
  await assert.rejects(
    checkpoint.readConfig('config.json', schema(z.string())),
    (error: { param?: string }) =>
      coded('checkpoint_invalid', 'config.json', 'text_config.hidden_size', 'string')(error) &&
      error.param === 'text_config.hidden_size',
  );
});

test('a tensor that is missing or of another shape is named with its file', async () => {
  await using folder = await singleFile();
  const { weights } = await openCheckpoint(folder.path);
  assert.throws(() => weights.locate('c', [1]), coded('checkpoint_invalid', 'model.safetensors', '"c"'));
  assert.throws(() => weights.info('c'), coded('checkpoint_invalid', 'model.safetensors', '"c"'));
  for (const shape of [[2], [2, 1], [1, 3]])
    assert.throws(
      () => weights.locate('a', shape),
      coded('checkpoint_invalid', 'model.safetensors', '"a"', '[1, 2]', `[${shape.join(', ')}]`),
    );
});

test('small files can be read where the weights are missing or corrupt; the weights name what is wrong', async () => {
  await using folder = await singleFile();
  await rm(folder.file('model.safetensors'));
  const without = await openCheckpoint(folder.path);
  assert.equal(await without.readText('chat_template.jinja'), '{{ messages }}');
  assert.throws(() => without.weights, coded('checkpoint_file_missing', 'model.safetensors'));
  await assert.rejects(without.fingerprint(), coded('checkpoint_file_missing', 'model.safetensors'));
  await writeFile(folder.file('model.safetensors'), 'junk');
  const corrupt = await openCheckpoint(folder.path);
  assert.throws(() => corrupt.weights, coded('checkpoint_invalid', 'model.safetensors'));
});

test('an index that leads to a missing shard, a missing tensor or out of the folder is refused', async () => {
  await using folder = await sharded();
  const open = async () => (await openCheckpoint(folder.path)).weights;
  const writeIndex = (content: unknown) => writeFile(folder.file(INDEX), JSON.stringify(content));
  await writeIndex({ weight_map: { a: 'model-9.safetensors' } });
  await assert.rejects(open, coded('checkpoint_file_missing', 'model-9.safetensors'));
  await writeIndex({ weight_map: { c: 'model-1.safetensors' } });
  await assert.rejects(open, coded('checkpoint_invalid', INDEX, '"c"', 'model-1.safetensors'));
  await writeIndex({ weight_map: { a: '../model-1.safetensors' } });
  await assert.rejects(open, coded('checkpoint_invalid', INDEX, 'weight_map.a'));
  await writeIndex({});
  await assert.rejects(open, coded('checkpoint_invalid', INDEX, 'weight_map'));
});

test('a file that cannot be read for the fingerprint is named', async () => {
  await using folder = await singleFile();
  await symlink(folder.file('gone'), folder.file('tokenizer.json'));
  const dangling = await openCheckpoint(folder.path);
  await assert.rejects(dangling.fingerprint(), coded('checkpoint_file_missing', 'tokenizer.json'));
  await rm(folder.file('tokenizer.json'));
  await mkdir(folder.file('tokenizer.json'));
  const aFolder = await openCheckpoint(folder.path);
  await assert.rejects(aFolder.fingerprint(), coded('checkpoint_invalid', 'tokenizer.json', 'EISDIR'));
});

test('the fingerprint follows what decides the behaviour, not the place or the read-me', async () => {
  await using folder = await sharded();
  await using copy = await TemporaryFolder.create();
  await cp(folder.path, copy.path, { recursive: true });
  const fingerprint = async () => (await openCheckpoint(copy.path)).fingerprint();
  const original = await (await openCheckpoint(folder.path)).fingerprint();
  assert.match(original, /^[0-9a-f]{64}$/);
  assert.equal(await fingerprint(), original);
  await writeFile(copy.file('README.md'), 'hello');
  assert.equal(await fingerprint(), original);
  const seen = new Set([original]);
  for (const [file, content] of [
    ['model-2.safetensors', safetensors({ b: float32([1], [4]) })],
    ['chat_template.jinja', '{{ messages[0] }}'],
    ['tokenizer_config.json', '{}'],
  ] as const) {
    await writeFile(copy.file(file), content);
    seen.add(await fingerprint());
  }
  assert.equal(seen.size, 4);
});

async function singleFile(): Promise<TemporaryFolder> {
  const folder = await smallFiles();
  const tensors = { a: float32([1, 2], [1, 2]), b: float32([1], [3]) };
  await writeFile(folder.file('model.safetensors'), safetensors(tensors));
  return folder;
}

async function sharded(): Promise<TemporaryFolder> {
  const folder = await smallFiles();
  const index = { metadata: {}, weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' } };
  await writeFile(folder.file(INDEX), JSON.stringify(index));
  await writeFile(folder.file('model-1.safetensors'), safetensors({ a: float32([1, 2], [1, 2]) }));
  await writeFile(folder.file('model-2.safetensors'), safetensors({ b: float32([1], [3]) }));
  return folder;
}

async function smallFiles(): Promise<TemporaryFolder> {
  const folder = await TemporaryFolder.create();
  const config = { model_type: 'idefics3', text_config: { hidden_size: 2 } };
  await writeFile(folder.file('config.json'), JSON.stringify(config));
  await writeFile(folder.file('chat_template.jinja'), '{{ messages }}');
  return folder;
}
