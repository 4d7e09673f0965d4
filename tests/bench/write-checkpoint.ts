import { access, mkdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RandomWeights } from './random-weights.ts';
import type { Shape } from './shapes/shape.ts';
import { chatTemplate, stubTokenizer, stubTokenizerConfig } from './stub-tokenizer.ts';
import { countParameters, tensorList } from './tensor-list.ts';
import { bytesOf, writeShards } from './write-shards.ts';

/** Every checkpoint is drawn from this seed: the same shape has the same bytes, and so the same fingerprint, anywhere. */
const SEED = 20240415;

/** Raised whenever the writer would write something else for the same shape. */
const WRITER_VERSION = 1;

/** Left free on the disk for whoever else uses it. */
const SPARE_BYTES = 2 ** 30;

/** What to write, and where. */
export interface WriteCheckpointOptions {
  /** Folder of the bench's files; checkpoints are kept in it. */
  readonly home: string;
  readonly shape: Shape;
  /** Told what takes long. */
  readonly onProgress?: (message: string) => void;
  readonly maxShardBytes?: number;
}

/**
 * The folder of a checkpoint with the exact files, tensor names and shapes of a published model and random weights,
 * written first where it is not there yet. It appears under its name only when it is complete; what an interrupted
 * writing left is written again.
 *
 * @throws Error where the disk has no room for it.
 */
export async function writeCheckpoint({ home, shape, ...options }: WriteCheckpointOptions): Promise<string> {
  const folder = join(home, 'checkpoints', `v${WRITER_VERSION}`, shape.name);
  if (await isPresent(folder)) return folder;
  const tensors = tensorList(shape);
  await mkdir(dirname(folder), { recursive: true });
  await requireRoom(dirname(folder), bytesOf(tensors));
  options.onProgress?.(
    `Writing ${shape.name}, ${(bytesOf(tensors) / 1e9).toFixed(1)} GB; this happens once.`,
  );
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial);
  await writeSmallFiles(partial, shape);
  const weights = new RandomWeights({
    seed: SEED,
    standardDeviation: shape.initializerRange,
    values: countParameters(tensors),
  });
  const { maxShardBytes } = options;
  await writeShards({ folder: partial, tensors, weights, ...(maxShardBytes && { maxShardBytes }) });
  await rename(partial, folder);
  return folder;
}

/** Writes everything of a checkpoint but its weights: enough to plan images and to read prompts. */
export async function writeSmallFiles(folder: string, shape: Shape): Promise<void> {
  const files = {
    ...shape.files,
    'tokenizer.json': stubTokenizer(shape),
    'tokenizer_config.json': stubTokenizerConfig(shape),
  };
  for (const [name, json] of Object.entries(files)) {
    await writeFile(join(folder, name), `${JSON.stringify(json, undefined, 2)}\n`);
  }
  await writeFile(join(folder, 'chat_template.jinja'), chatTemplate(shape));
}

/** Throws an error that says how much room is missing where a folder's disk has no room for `bytes` more. */
export async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes + SPARE_BYTES) return;
  const gigabytes = (value: number) => (value / 1e9).toFixed(1);
  throw new Error(
    `${folder} has ${gigabytes(free)} GB free; the checkpoint takes ${gigabytes(bytes)} GB, and 1 GB must stay free. ` +
      'Make room, or set DIPTYCH_HOME to a folder on another disk.',
  );
}

function isPresent(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
