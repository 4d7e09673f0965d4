import { join } from 'node:path';
import { DiptychError } from '@diptych/errors';
import { z } from 'zod';
import { DTYPE_BYTES } from './dtype.ts';
import { invalidFile } from './failures.ts';
import { readJsonFile } from './json-file.ts';
import { parseConfig } from './parse-config.ts';
import { SafetensorsFile, type TensorInfo, type TensorLocation } from './safetensors-file.ts';

/** Weights in one file. */
export const SINGLE_FILE = 'model.safetensors';

/** Which tensor is in which file, where there are several. */
export const INDEX_FILE = 'model.safetensors.index.json';

/**
 * What the index of a sharded checkpoint says. A shard is a file of the same folder, with a plain name: no other folder,
 * not hidden, nothing that a shell or a file system could take for something else.
 */
export const WEIGHT_INDEX = z.object({
  weight_map: z.record(
    z.string(),
    z.string().regex(/^\w[\w.-]*\.safetensors$/, 'expected the name of a safetensors file of this folder'),
  ),
});

/** The tensors of a checkpoint, whether in one file or in shards. Nothing is read before it is asked for. */
export class CheckpointWeights {
  /** The files that hold the tensors, and the index where there is one: names within the checkpoint's folder. */
  readonly files: readonly string[];
  readonly #tensors: ReadonlyMap<string, SafetensorsFile>;

  private constructor(files: readonly string[], tensors: ReadonlyMap<string, SafetensorsFile>) {
    this.files = files;
    this.#tensors = tensors;
  }

  /**
   * Reads the headers of a checkpoint's weights.
   *
   * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid`, naming the file.
   */
  static async open(folder: string, present: ReadonlySet<string>): Promise<CheckpointWeights> {
    if (present.has(SINGLE_FILE)) {
      const file = await SafetensorsFile.open(join(folder, SINGLE_FILE));
      return new CheckpointWeights([SINGLE_FILE], new Map(file.names().map((name) => [name, file])));
    }
    if (present.has(INDEX_FILE)) return CheckpointWeights.#openShards(folder);
    throw new DiptychError(
      'checkpoint_file_missing',
      `${folder} has neither ${SINGLE_FILE} nor ${INDEX_FILE}; weights are read from safetensors files only.`,
      { param: SINGLE_FILE },
    );
  }

  static async #openShards(folder: string): Promise<CheckpointWeights> {
    const index = parseConfig(INDEX_FILE, WEIGHT_INDEX, await readJsonFile(folder, INDEX_FILE));
    const names = [...new Set(Object.values(index.weight_map))].sort();
    const shards = new Map<string, SafetensorsFile>();
    for (const name of names) shards.set(name, await SafetensorsFile.open(join(folder, name)));
    const tensors = new Map<string, SafetensorsFile>();
    for (const [tensor, name] of Object.entries(index.weight_map)) {
      const shard = shards.get(name);
      if (!shard?.has(tensor))
        throw invalidFile(INDEX_FILE, `tensor ${JSON.stringify(tensor)} should be in ${name}, but is not.`);
      tensors.set(tensor, shard);
    }
    return new CheckpointWeights([INDEX_FILE, ...names], tensors);
  }

  /** Names of all tensors. */
  names(): readonly string[] {
    return [...this.#tensors.keys()];
  }

  /** Whether there is a tensor of this name. */
  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /**
   * Element type and shape of a tensor.
   *
   * @throws DiptychError `checkpoint_invalid` where it is missing.
   */
  info(name: string): TensorInfo {
    return this.#file(name).info(name);
  }

  /** All tensors together. */
  size(): { readonly elements: number; readonly bytes: number } {
    let [elements, bytes] = [0, 0];
    for (const [name, file] of this.#tensors) {
      const { dtype, shape } = file.info(name);
      const count = shape.reduce((product, dimension) => product * dimension, 1);
      elements += count;
      bytes += count * DTYPE_BYTES[dtype];
    }
    return { elements, bytes };
  }

  /**
   * Where a tensor's elements lie, row-major and little-endian.
   *
   * @param expectedShape What the configuration asks for.
   * @throws DiptychError `checkpoint_invalid` for a tensor that is missing, of another shape, or neither F32, F16
   *   nor BF16.
   */
  locate(name: string, expectedShape: readonly number[]): TensorLocation {
    const file = this.#file(name);
    const { shape } = file.info(name);
    if (!sameShape(shape, expectedShape))
      throw invalidFile(
        file.name,
        `tensor ${JSON.stringify(name)} has shape [${shape.join(', ')}]; config.json asks for [${expectedShape.join(', ')}].`,
      );
    return file.locate(name);
  }

  #file(name: string): SafetensorsFile {
    const file = this.#tensors.get(name);
    if (!file) throw invalidFile(this.files[0] ?? SINGLE_FILE, `has no tensor ${JSON.stringify(name)}.`);
    return file;
  }
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, index) => size === b[index]);
}
