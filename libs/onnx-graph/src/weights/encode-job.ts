import { encodeRows, type RowRange } from './encode-rows.ts';
import { ENCODINGS } from './encodings.ts';
import type { StoredOrigin } from './layout.ts';
import type { RowReader } from './row-reader.ts';

/** Some rows of a weight to encode, and where the whole outputs lie. Can be sent to another thread. */
export interface EncodeJob {
  readonly origin: StoredOrigin;
  readonly range: RowRange;
  readonly outputs: readonly Uint8Array<SharedArrayBuffer>[];
}

/** Encodes the rows of a job into its outputs. */
export type RunJob = (job: EncodeJob) => Promise<void>;

/**
 * Does a job on this thread.
 *
 * @throws DiptychError `checkpoint_invalid` naming file and tensor.
 */
export function runJob(reader: RowReader, { origin, range, outputs }: EncodeJob): void {
  encodeRows(reader, ENCODINGS[origin.encoding], origin.source, range, outputs);
}
