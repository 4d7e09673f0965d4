import assert from 'node:assert/strict';
import { byteSize, bytesOf } from '../element-type.ts';
import { encodeRows, rowRanges } from './encode-rows.ts';
import { ENCODINGS } from './encodings.ts';
import type { PendingTensor, PendingWeight, StoredOrigin } from './layout.ts';
import type { RowReader } from './row-reader.ts';

/** Makes a whole weight on this thread; returns the bytes of its outputs. */
export function encodeWeight(reader: RowReader, { origin, outputs }: PendingWeight): Uint8Array[] {
  if (origin.kind === 'stored') return encodeStored(reader, origin, outputs);
  const bytes = bytesOf(origin.compute());
  assert.equal(bytes.length, bytesOfAll(outputs), `bytes of weight ${outputs[0]?.name ?? ''}`);
  return [bytes];
}

function encodeStored(
  reader: RowReader,
  { source, encoding }: StoredOrigin,
  outputs: readonly PendingTensor[],
): Uint8Array[] {
  const encoded = outputs.map(({ type, shape }) => new Uint8Array(byteSize(type, shape)));
  for (const range of rowRanges(source.shape))
    encodeRows(reader, ENCODINGS[encoding], source, range, encoded);
  return encoded;
}

function bytesOfAll(outputs: readonly PendingTensor[]): number {
  return outputs.reduce((sum, { type, shape }) => sum + byteSize(type, shape), 0);
}
