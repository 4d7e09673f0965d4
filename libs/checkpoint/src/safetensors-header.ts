import { DTYPE_BYTES, type Dtype, isDtype } from './dtype.ts';
import { invalidFile } from './failures.ts';

/**
 * The largest header that is read: 100 MB, the limit of the safetensors reference implementation. A header takes
 * about 100 bytes a tensor, so even that is far from any real file.
 */
export const MAX_HEADER_BYTES = 100_000_000;

/** A safetensors file begins with the length of its header, in eight bytes. */
export const HEADER_LENGTH_BYTES = 8;

/** Where a tensor lies in its file. */
export interface TensorEntry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** First byte, counted from the beginning of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** Name and size of the file that a header is of. */
export interface HeaderFile {
  readonly name: string;
  readonly size: number;
}

/**
 * Length of a file's header, from the file's first bytes.
 *
 * @throws DiptychError `checkpoint_invalid` where the file has no whole header of a size that can be right.
 */
export function headerLength(file: HeaderFile, start: Uint8Array): number {
  if (start.length < HEADER_LENGTH_BYTES)
    throw invalidFile(file.name, `is truncated: it has ${file.size} bytes.`);
  const claimed = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (claimed > MAX_HEADER_BYTES)
    throw invalidFile(
      file.name,
      `claims a header of ${claimed} bytes; at most ${MAX_HEADER_BYTES} are possible.`,
    );
  const length = Number(claimed);
  if (HEADER_LENGTH_BYTES + length > file.size)
    throw invalidFile(
      file.name,
      `is truncated: its header alone has ${length} bytes, the file ${file.size}.`,
    );
  return length;
}

/**
 * Reads the header of a safetensors file (https://github.com/huggingface/safetensors#format): every tensor must
 * be of a known type, as large as its shape says, and the tensors must fill the file without gap or overlap.
 *
 * @param header The header's bytes, without the length before them.
 * @throws DiptychError `checkpoint_invalid` naming the file and the tensor.
 */
export function parseHeader(file: HeaderFile, header: Uint8Array): ReadonlyMap<string, TensorEntry> {
  const dataStart = HEADER_LENGTH_BYTES + header.length;
  const tensors = new Map<string, TensorEntry>();
  for (const [name, description] of Object.entries(parseJsonObject(file, header))) {
    if (name !== '__metadata__') tensors.set(name, parseEntry(file, name, description, dataStart));
  }
  assertFilled(file, tensors, dataStart);
  return tensors;
}

function parseJsonObject(file: HeaderFile, header: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header));
  } catch (cause) {
    throw invalidFile(file.name, 'its header is not JSON; the file is corrupt or no safetensors file.', {
      cause,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidFile(file.name, 'its header is not a JSON object.');
  return value;
}

function parseEntry(file: HeaderFile, name: string, description: unknown, dataStart: number): TensorEntry {
  const { dtype, shape, data_offsets } = fieldsOf(description);
  const fail = (problem: string) => invalidFile(file.name, `tensor ${JSON.stringify(name)} ${problem}`);
  if (typeof dtype !== 'string' || !isDtype(dtype))
    throw fail(`is of type ${JSON.stringify(dtype)}; known are ${Object.keys(DTYPE_BYTES).join(', ')}.`);
  if (!isSizes(shape)) throw fail('has no valid shape.');
  if (!isSizes(data_offsets)) throw fail('has no valid data_offsets.');
  const [begin = 0, end = 0, ...more] = data_offsets;
  if (data_offsets.length < 2 || more.length > 0 || end < begin) throw fail('has no valid data_offsets.');
  if (dataStart + end > file.size)
    throw fail(`ends at byte ${dataStart + end}, but the file has ${file.size}; it is truncated or corrupt.`);
  const expected = shape.reduce((size, dimension) => size * dimension, DTYPE_BYTES[dtype]);
  if (end - begin !== expected)
    throw fail(`has ${end - begin} bytes; its shape and type ask for ${expected}.`);
  return { dtype, shape, offset: dataStart + begin, bytes: end - begin };
}

function assertFilled(file: HeaderFile, tensors: ReadonlyMap<string, TensorEntry>, dataStart: number): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes);
  let end = dataStart;
  for (const [name, { offset, bytes }] of inOrder) {
    if (offset !== end)
      throw invalidFile(
        file.name,
        `tensor ${JSON.stringify(name)} begins at byte ${offset}, but the one before it ends at ${end}.`,
      );
    end += bytes;
  }
  if (end !== file.size)
    throw invalidFile(
      file.name,
      `has ${file.size} bytes, but its tensors end at byte ${end}; it is corrupt.`,
    );
}

function fieldsOf(value: unknown): { dtype?: unknown; shape?: unknown; data_offsets?: unknown } {
  return typeof value === 'object' && value !== null ? value : {};
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
