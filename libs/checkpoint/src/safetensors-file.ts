import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Dtype, type FloatDtype, isFloatDtype } from './dtype.ts';
import { invalidFile, readFailure } from './failures.ts';
import { HEADER_LENGTH_BYTES, headerLength, parseHeader, type TensorEntry } from './safetensors-header.ts';

/** One read call's bytes: the system takes at most 2 GiB at once. */
const READ_CHUNK_BYTES = 64 * 1024 * 1024;

/** Element type and shape of a stored tensor. */
export interface TensorInfo {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** Where a tensor's elements lie in a file, row-major and little-endian. */
export interface TensorLocation {
  /** Absolute path. */
  readonly path: string;
  /** First byte, counted from the beginning of the file. */
  readonly offset: number;
  readonly dtype: FloatDtype;
  readonly elements: number;
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
   * Where the elements of a tensor of type F32, F16 or BF16 lie.
   *
   * @throws DiptychError `checkpoint_invalid` for a tensor that is missing or of another type.
   */
  locate(name: string): TensorLocation {
    const { dtype, shape, offset } = this.#entry(name);
    if (!isFloatDtype(dtype))
      throw invalidFile(
        this.name,
        `tensor ${JSON.stringify(name)} is of type ${dtype}; F32, F16 or BF16 can be read.`,
      );
    const elements = shape.reduce((count, dimension) => count * dimension, 1);
    return { path: this.path, offset, dtype, elements };
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
