import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { DiptychError } from '@diptych/errors';
import type { z } from 'zod';
import { CheckpointWeights } from './checkpoint-weights.ts';
import { systemCode } from './failures.ts';
import { FileHashes } from './file-hashes.ts';
import { fingerprintFiles } from './fingerprint.ts';
import { hubOrigin } from './hub/cache-layout.ts';
import { readJsonFile, readTextFile } from './json-file.ts';
import { parseConfig } from './parse-config.ts';

/** The file that makes a folder a checkpoint. */
const CONFIG_FILE = 'config.json';

/** Files besides the weights that decide how a model behaves, of those that a checkpoint may have. */
const SMALL_FILES = [
  CONFIG_FILE,
  'generation_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.json',
  'chat_template.jinja',
];

/**
 * Opens a Hugging Face checkpoint in a folder. Its weights may be absent where only small files are asked for, as
 * the gateway does.
 *
 * @throws DiptychError `checkpoint_not_found` where there is no such folder, `checkpoint_file_missing` where it has
 *   no config.json.
 */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  const absolute = resolve(folder);
  const present = new Set(await listFiles(absolute));
  if (!present.has(CONFIG_FILE))
    throw new DiptychError(
      'checkpoint_file_missing',
      `${absolute} has no ${CONFIG_FILE}, so it is no checkpoint.`,
      {
        param: CONFIG_FILE,
      },
    );
  const weights = await CheckpointWeights.open(absolute, present).catch(
    (error: unknown) => new Unusable(error),
  );
  return new Checkpoint(absolute, present, weights);
}

/** A Hugging Face checkpoint in a folder. Which files there are is what was there when it was opened. */
export class Checkpoint {
  /** Absolute path. */
  readonly folder: string;
  /** `org/name` for a repository in a hub's cache, else the name of the folder. */
  readonly id: string;
  /** The commit of a repository in a hub's cache, empty for another folder. */
  readonly revision: string;
  readonly #present: ReadonlySet<string>;
  readonly #weights: CheckpointWeights | Unusable;
  #fingerprint: Promise<string> | undefined;

  /** Made by `openCheckpoint`. */
  constructor(folder: string, present: ReadonlySet<string>, weights: CheckpointWeights | Unusable) {
    this.folder = folder;
    const origin = hubOrigin(folder);
    this.id = origin?.id ?? basename(folder);
    this.revision = origin?.commit ?? '';
    this.#present = present;
    this.#weights = weights;
  }

  /** Whether the folder has a file of this name. */
  has(file: string): boolean {
    return this.#present.has(file);
  }

  /**
   * Reads a text file.
   *
   * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid`, naming the file.
   */
  readText(file: string): Promise<string> {
    return readTextFile(this.folder, file);
  }

  /**
   * Reads a JSON file.
   *
   * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid`, naming the file.
   */
  readJson(file: string): Promise<unknown> {
    return readJsonFile(this.folder, file);
  }

  /**
   * Reads a JSON file and checks it against a schema.
   *
   * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid`, naming the file and the field's path.
   */
  async readConfig<Schema extends z.ZodType>(file: string, schema: Schema): Promise<z.output<Schema>> {
    return parseConfig(file, schema, await this.readJson(file));
  }

  /**
   * The tensors.
   *
   * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid` where the weights cannot be used, naming
   *   the file.
   */
  get weights(): CheckpointWeights {
    if (this.#weights instanceof Unusable) throw this.#weights.reason;
    return this.#weights;
  }

  /**
   * SHA-256, in hexadecimal, over the files that decide how the model behaves: configuration, tokenizer, template,
   * preprocessor and weights. Reads every byte of them, except of large files whose sums are remembered.
   *
   * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid` naming a file that cannot be read.
   */
  async fingerprint(hashes = new FileHashes()): Promise<string> {
    this.#fingerprint ??= fingerprintFiles(this.folder, this.#relevantFiles(), hashes);
    return this.#fingerprint;
  }

  /** Whether the fingerprint can be told without reading large files. */
  isFingerprintKnown(hashes: FileHashes): Promise<boolean> {
    return hashes.areKnown(this.weights.files.map((file) => join(this.folder, file)));
  }

  #relevantFiles(): string[] {
    return [...SMALL_FILES.filter((file) => this.has(file)), ...this.weights.files];
  }
}

/** Why a checkpoint's weights cannot be used; thrown when they are asked for. */
class Unusable {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new DiptychError(
      'checkpoint_not_found',
      `${folder} is not a folder that can be read (${systemCode(error) ?? 'unknown reason'}).`,
      { cause: error },
    );
  }
}
