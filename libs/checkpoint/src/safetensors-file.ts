import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Dtype } from './dtype.ts';
import { invalidFile, readFailure } from './failures.ts';
import { floatTarget, isFloatDtype } from './float-conversion.ts';
import { HEADER_LENGTH_BYTES, headerLength, parseHeader, type TensorEntry } from './safetensors-header.ts';

/** One read call's bytes: the system takes at most 2 GiB at once. */
const READ_CHUNK_BYTES = 64 * 1024 * 1024;

/** Element type and shape of a stored tensor. */
export interface TensorInfo {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** One safetensors file. Its header is in memory; tensors are read from disk when they are asked for. */
export class SafetensorsFile {
  readonly path: string;
  /** Name of the file, for messages. */
  readonly name: string;
  readonly #tensors: ReadonlyMap<string, TensorEntry>;

  private constructor(path: string, tensors: ReadonlyMap<string, TensorEntry>) {
    this.path = path;
    this.name = basename(path);
    this.#tensors = tensors;
  }

  /**
   * Reads and checks the header.
   *
   * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid`, naming the file.
   */
  static async open(path: string): Promise<SafetensorsFile> {
    return withFile(
      path,
      async (handle) => new SafetensorsFile(path, await readHeader(handle, basename(path))),
    );
  }

  /** Names of the tensors, in the order of the header. */
  names(): readonly string[] {
    return [...this.#tensors.keys()];
  }

  /** Whether the file holds a tensor. */
  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Element type and shape of a tensor. */
  info(name: string): TensorInfo {
    const { dtype, shape } = this.#entry(name);
    return { dtype, shape };
  }

  /**
   * Reads a tensor of type F32, F16 or BF16 as float32, row-major. The array is the caller's.
   *
   * @throws DiptychError `checkpoint_invalid` for a tensor that is missing or of another type.
   */
  async read(name: string): Promise<Float32Array> {
    const entry = this.#entry(name);
    if (!isFloatDtype(entry.dtype))
      throw invalidFile(
        this.name,
        `tensor ${JSON.stringify(name)} is of type ${entry.dtype}; F32, F16 or BF16 can be read.`,
      );
    const elements = entry.shape.reduce((count, dimension) => count * dimension, 1);
    const { bytes, finish } = floatTarget(entry.dtype, elements);
    await this.#readEntry(entry, bytes);
    return finish();
  }

  /** Reads a tensor's bytes as they are: row-major, little-endian. */
  async readBytes(name: string): Promise<Uint8Array> {
    const entry = this.#entry(name);
    const bytes = new Uint8Array(entry.bytes);
    await this.#readEntry(entry, bytes);
    return bytes;
  }

  async #readEntry(entry: TensorEntry, into: Uint8Array): Promise<void> {
    await withFile(this.path, (handle) => readFully(handle, into, entry.offset, this.name));
  }

  #entry(name: string): TensorEntry {
    const entry = this.#tensors.get(name);
    if (!entry) throw invalidFile(this.name, `has no tensor ${JSON.stringify(name)}.`);
    return entry;
  }
}

async function withFile<T>(path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  try {
    await using handle = await open(path, 'r');
    return await use(handle);
  } catch (error) {
    throw readFailure(path, error);
  }
}

async function readHeader(handle: FileHandle, name: string): Promise<ReadonlyMap<string, TensorEntry>> {
  const file = { name, size: (await handle.stat()).size };
  const start = new Uint8Array(Math.min(HEADER_LENGTH_BYTES, file.size));
  await readFully(handle, start, 0, name);
  const header = new Uint8Array(headerLength(file, start));
  await readFully(handle, header, HEADER_LENGTH_BYTES, name);
  return parseHeader(file, header);
}

/** Fills `into` from the file, by as many reads as the system needs. */
async function readFully(
  handle: FileHandle,
  into: Uint8Array,
  position: number,
  name: string,
): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const length = Math.min(into.length - done, READ_CHUNK_BYTES);
    const { bytesRead } = await handle.read(into, done, length, position + done);
    if (bytesRead === 0) throw invalidFile(name, 'became shorter while it was being read.');
    done += bytesRead;
  }
}
