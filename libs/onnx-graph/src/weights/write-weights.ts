import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { bytesOf } from '../element-type.ts';
import { alignedLength, ByteRing, type Region } from './byte-ring.ts';
import { DataFile } from './data-file.ts';
import { type EncodeJob, type RunJob, runJob } from './encode-job.ts';
import { rowRanges } from './encode-rows.ts';
import { EncodeWorkers } from './encode-workers.ts';
import { Journal } from './journal.ts';
import type { PlacedWeight } from './layout.ts';
import { RowReader } from './row-reader.ts';
import { matrixSize } from './weight-source.ts';
import { DTYPE_BYTES } from './widen.ts';

/** How far a save is. Bytes are those of the checkpoint's tensors. */
export interface SaveProgress {
  readonly totalBytes: number;
  /** Bytes that are encoded, those of an earlier save that was interrupted among them. */
  readonly doneBytes: number;
  /** Bytes that an earlier save had finished. */
  readonly resumedBytes: number;
  /** Bytes that an interruption would not lose any more. */
  readonly safeBytes: number;
}

/** Told about every piece. */
export type OnProgress = (progress: SaveProgress) => void;

/** Threads beyond this wait for the disk and for the one thread that writes. */
const MAX_THREADS = 8;

/** Fewer elements than this are encoded on the calling thread: that takes less time than to start others. */
const ALONE_ELEMENTS = 8 * 2 ** 20;

/** Memory for weights between encoder and disk, besides the largest one: so that encoding goes on while that is written. */
const SPARE_BYTES = 128 * 2 ** 20;

/** Bytes after which finished weights are synced and noted: about what an interruption costs. */
const JOURNAL_BYTES = 16 * 2 ** 20;

/**
 * Reads, encodes and writes weights to their places in a data file. Memory stays within the largest
 * encoded weight, `SPARE_BYTES` and some 80 MB for each thread. Goes on where an earlier call of the same layout was
 * interrupted, after comparing what that left with its checksums; the journal is left for the caller to remove.
 *
 * @throws DiptychError `checkpoint_invalid` naming file and tensor.
 */
export async function writeWeights(
  path: string,
  weights: readonly PlacedWeight[],
  onProgress: OnProgress = () => undefined,
): Promise<Journal> {
  const journal = new Journal(`${path}.journal`, weights);
  const noted = await journal.read();
  await using file = await DataFile.open(path, { keep: noted !== undefined });
  if (!noted) await journal.begin();
  const isFinished = await finishedWeights(file, weights, noted ?? new Map<string, number>());
  const left = weights.filter((weight) => !isFinished(weight));
  const progress = new Progress(weights, left, onProgress);
  await encodeAll(left, new NotedFile(file, journal, progress), progress);
  return journal;
}

/** Keeps count, and tells. */
class Progress {
  readonly #totalBytes: number;
  readonly #resumedBytes: number;
  readonly #tell: OnProgress;
  #doneBytes: number;
  #safeBytes: number;

  constructor(weights: readonly PlacedWeight[], left: readonly PlacedWeight[], tell: OnProgress) {
    this.#totalBytes = sum(weights.map(sourceBytes));
    this.#resumedBytes = this.#totalBytes - sum(left.map(sourceBytes));
    this.#doneBytes = this.#resumedBytes;
    this.#safeBytes = this.#resumedBytes;
    this.#tell = tell;
    this.#report();
  }

  encoded(bytes: number): void {
    this.#doneBytes += bytes;
    this.#report();
  }

  saved(bytes: number): void {
    this.#safeBytes += bytes;
    this.#report();
  }

  #report(): void {
    this.#tell({
      totalBytes: this.#totalBytes,
      doneBytes: this.#doneBytes,
      resumedBytes: this.#resumedBytes,
      safeBytes: this.#safeBytes,
    });
  }
}

async function finishedWeights(
  file: DataFile,
  weights: readonly PlacedWeight[],
  noted: ReadonlyMap<string, number>,
): Promise<(weight: PlacedWeight) => boolean> {
  const finished = new Set<PlacedWeight>();
  for (const weight of weights) {
    const checksum = noted.get(nameOf(weight));
    if (checksum !== undefined && (await file.checksum(weight)) === checksum) finished.add(weight);
  }
  return (weight) => finished.has(weight);
}

/** A data file that notes in its journal what is on the disk. */
class NotedFile {
  readonly #file: DataFile;
  readonly #journal: Journal;
  readonly #progress: Progress;
  #unsynced: { readonly weight: PlacedWeight; readonly checksum: number }[] = [];

  constructor(file: DataFile, journal: Journal, progress: Progress) {
    this.#file = file;
    this.#journal = journal;
    this.#progress = progress;
  }

  async write(weight: PlacedWeight, encoded: readonly Uint8Array[]): Promise<void> {
    this.#unsynced.push({ weight, checksum: await this.#file.write(weight, encoded) });
    if (sum(this.#unsynced.map((written) => encodedBytes(written.weight))) >= JOURNAL_BYTES)
      await this.sync();
  }

  async sync(): Promise<void> {
    await this.#file.sync();
    await this.#journal.add(
      this.#unsynced.map(({ weight, checksum }) => ({ name: nameOf(weight), checksum })),
    );
    const bytes = sum(this.#unsynced.map(({ weight }) => sourceBytes(weight)));
    this.#unsynced = [];
    this.#progress.saved(bytes);
  }
}

/** Encodes weights in their order and writes each as soon as it is whole, while the next ones are encoded. */
async function encodeAll(
  weights: readonly PlacedWeight[],
  file: NotedFile,
  progress: Progress,
): Promise<void> {
  await using encoders = startEncoders(weights);
  const ring = new ByteRing(ringBytes(weights));
  const pending: Started[] = [];
  const writeOldest = async () => {
    const oldest = pending.shift();
    assert.ok(oldest, 'the ring is full of nothing');
    await oldest.done;
    await file.write(oldest.weight, oldest.encoded());
    if (oldest.region) ring.release();
  };
  for (const weight of weights) {
    let started: Started | undefined;
    while (!(started = start(weight, ring, encoders, progress))) await writeOldest();
    pending.push(started);
  }
  while (pending.length > 0) await writeOldest();
  await file.sync();
}

function ringBytes(weights: readonly PlacedWeight[]): number {
  const bytes = weights.map((weight) => (weight.origin.kind === 'stored' ? encodedBytes(weight) : 0));
  return Math.min(Math.max(0, ...bytes) + SPARE_BYTES, sum(bytes));
}

/** A weight that is being encoded. */
interface Started {
  readonly weight: PlacedWeight;
  readonly region: Region | undefined;
  /** Settles when all rows are encoded. */
  readonly done: Promise<unknown>;
  /** The outputs, once it is done. */
  readonly encoded: () => readonly Uint8Array[];
}

/** Undefined where the ring has no room yet. */
function start(
  weight: PlacedWeight,
  ring: ByteRing,
  encoders: Encoders,
  progress: Progress,
): Started | undefined {
  const { origin } = weight;
  if (origin.kind === 'computed')
    return { weight, region: undefined, done: Promise.resolve(), encoded: () => [bytesOf(origin.compute())] };
  const region = ring.allocate(encodedBytes(weight));
  if (!region) return undefined;
  const outputs = viewsOf(weight, ring.buffer, region);
  const rowBytes = sourceBytes(weight) / Math.max(1, matrixSize(origin.source.shape).rows);
  const jobs = rowRanges(origin.source.shape).map(async (range) => {
    await encoders.run({ origin, range, outputs });
    progress.encoded(rowBytes * range.count);
  });
  const done = Promise.all(jobs);
  // A failure is thrown where the weight is awaited, which may be after others were written.
  done.catch(() => undefined);
  return { weight, region, done, encoded: () => outputs };
}

function viewsOf({ outputs }: PlacedWeight, buffer: SharedArrayBuffer, { offset }: Region) {
  let end = offset;
  return outputs.map(({ length }) => {
    const view = new Uint8Array(buffer, end, length);
    end += alignedLength(length);
    return view;
  });
}

interface Encoders extends AsyncDisposable {
  readonly run: RunJob;
}

function startEncoders(weights: readonly PlacedWeight[]): Encoders {
  const elements = sum(weights.map(sourceElements));
  return elements < ALONE_ELEMENTS
    ? new OwnThread()
    : new EncodeWorkers(Math.min(availableParallelism(), MAX_THREADS));
}

/** Encodes on the calling thread, piece by piece. */
class OwnThread implements Encoders {
  readonly #reader = new RowReader();

  async run(job: EncodeJob): Promise<void> {
    await setImmediate();
    runJob(this.#reader, job);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#reader[Symbol.dispose]();
    return Promise.resolve();
  }
}

function sourceElements({ origin }: PlacedWeight): number {
  return origin.kind === 'stored' ? sum(origin.source.parts.map(({ elements }) => elements)) : 0;
}

function sourceBytes({ origin }: PlacedWeight): number {
  if (origin.kind === 'computed') return 0;
  return sum(origin.source.parts.map(({ elements, dtype }) => elements * DTYPE_BYTES[dtype]));
}

function encodedBytes({ outputs }: PlacedWeight): number {
  return sum(outputs.map(({ length }) => alignedLength(length)));
}

/** Weights have a name in the journal: that of their first output. */
function nameOf({ outputs }: PlacedWeight): string {
  return outputs[0]?.name ?? '';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
