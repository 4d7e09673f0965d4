import { type RowChunk, UnencodableError } from './encoding.ts';

/**
 * Largest magnitude of some elements of a chunk, which a scale is made of.
 *
 * @throws UnencodableError where one of them is NaN or infinite: no scale fits.
 */
export function largestMagnitude(chunk: RowChunk, begin: number, end: number): number {
  const { rows } = chunk;
  let largest = 0;
  let sum = 0;
  for (let i = begin; i < end; i++) {
    const magnitude = Math.abs(rows[i] ?? 0);
    if (magnitude > largest) largest = magnitude;
    // A NaN is never larger, but what it is added to stays NaN.
    sum += magnitude;
  }
  if (!Number.isFinite(sum)) throw notFinite(chunk, begin, end);
  return largest;
}

function notFinite({ rows, first, columns }: RowChunk, begin: number, end: number): UnencodableError {
  const values = rows.subarray(begin, end);
  const value = values.find((element) => !Number.isFinite(element));
  const row = first + Math.floor(begin / columns);
  return new UnencodableError(row, `holds ${String(value)} in row ${row}: its weights cannot be quantised.`);
}
