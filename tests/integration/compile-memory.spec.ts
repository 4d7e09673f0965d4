import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { RandomWeights } from '../bench/random-weights.ts';
import { findShape } from '../bench/shapes.ts';
import { countParameters, elementsOf, tensorList } from '../bench/tensor-list.ts';
import { writeShards } from '../bench/write-shards.ts';

const MB = 2 ** 20;

const SHAPE = findShape('smolvlm-256m');

/** The decoder alone: the vision stage is not compiled. */
const TENSORS = tensorList(SHAPE).filter(({ name }) => !name.startsWith('model.vision_model'));

/** As float32, which is what the largest weight takes on its way. */
const LARGEST = Math.max(...TENSORS.map(elementsOf)) * 4;

/** What a compile may take above the largest tensor: 128 MB between encoders and disk, and room for each thread. */
const ALLOWED = 160 * MB + Math.min(availableParallelism(), 8) * 80 * MB;

suite('compiling a checkpoint in shards', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'diptych-compile-'));
    await writeDecoder(join(folder, 'checkpoint'));
  });
  after(() => rm(folder, { recursive: true }));

  for (const format of ['float32', 'int8']) {
    test(`into ${format} takes memory for its largest tensor, not for its size`, async (context) => {
      const home = join(folder, format);
      const { before: start, peak } = await compile(join(folder, 'checkpoint'), home, format);
      const written = await bytesBelow(home);
      const megabytes = (bytes: number) => `${Math.round(bytes / MB)} MB`;
      context.diagnostic(
        `${megabytes(peak - start)} for ${megabytes(written)} of ${format}; allowed ${megabytes(LARGEST + ALLOWED)}`,
      );
      assert.ok(peak - start < LARGEST + ALLOWED, `${megabytes(peak - start)} above the start`);
      if (format === 'float32') assert.ok(written > 5 * LARGEST, 'the whole is much larger than its largest');
    });
  }
});

async function writeDecoder(folder: string): Promise<void> {
  await mkdir(folder);
  for (const [name, json] of Object.entries(SHAPE.files))
    await writeFile(join(folder, name), JSON.stringify(json));
  const values = countParameters(TENSORS);
  const weights = new RandomWeights({ seed: 1, standardDeviation: SHAPE.initializerRange, values });
  await writeShards({ folder, tensors: TENSORS, weights, maxShardBytes: 64 * MB });
}

async function compile(checkpoint: string, home: string, format: string) {
  const script = fileURLToPath(new URL('./compile-process.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, checkpoint, home, format]);
  return JSON.parse(stdout) as { before: number; peak: number };
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
