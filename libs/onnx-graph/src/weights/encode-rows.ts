import { basename } from 'node:path';
import { DiptychError } from '@diptych/errors';
import { type Encoding, UnencodableError } from './encoding.ts';
import type { RowReader } from './row-reader.ts';
import { matrixSize, type TensorPart, type WeightSource } from './weight-source.ts';

/** Rows of one weight that are encoded at once. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

/**
 * Elements that are read, widened and encoded at once: 8 MB of bfloat16, 16 MB of float32. Enough to make the
 * hand-over between threads cheap, few enough that the cores finish together and memory stays small.
 */
const CHUNK_ELEMENTS = 4 * 2 ** 20;

/** Cuts a weight into pieces of whole rows; how depends on its shape alone. */
export function rowRanges(shape: readonly number[]): RowRange[] {
  const { rows, columns } = matrixSize(shape);
  const step = Math.max(1, Math.floor(CHUNK_ELEMENTS / Math.max(1, columns)));
  return Array.from({ length: Math.ceil(rows / step) }, (_, index) => {
    const first = index * step;
    return { first, count: Math.min(step, rows - first) };
  });
}

/**
 * Reads rows of a weight and encodes them into their places in the whole outputs.
 *
 * @throws DiptychError `checkpoint_invalid` naming file and tensor.
 */
export function encodeRows(
  reader: RowReader,
  encoding: Encoding,
  source: WeightSource,
  { first, count }: RowRange,
  outputs: readonly Uint8Array[],
): void {
  const { rows: totalRows, columns } = matrixSize(source.shape);
  const rows = reader.read(source, first, count);
  try {
    encoding.encode({ rows, first, count, columns, totalRows }, outputs);
  } catch (error) {
    if (!(error instanceof UnencodableError)) throw error;
    const { path, tensor } = partOfRow(source, error.row * columns);
    const message = `${basename(path)}: tensor ${JSON.stringify(tensor)} ${error.message}`;
    throw new DiptychError('checkpoint_invalid', message, { cause: error });
  }
}

function partOfRow({ name, parts }: WeightSource, element: number): Pick<TensorPart, 'path' | 'tensor'> {
  let end = 0;
  const part = parts.find(({ elements }) => element < (end += elements));
  return part ?? { path: '', tensor: name };
}
