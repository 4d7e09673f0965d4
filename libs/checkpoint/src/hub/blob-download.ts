import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { DiptychError } from '@diptych/errors';
import { systemCode } from '../failures.ts';
import type { HubAnswer } from './hub-answer.ts';
import type { HubClient, RemoteFile } from './hub-client.ts';
import { Interruption, type RetryOptions, withRetries } from './interruption.ts';
import type { RepositoryReference } from './repository.ts';

/** Where a blob comes from and goes to. */
export interface BlobDownloadOptions {
  readonly client: HubClient;
  /** The repository at a commit, so that the file cannot change between two tries. */
  readonly reference: RepositoryReference;
  readonly file: RemoteFile;
  /** Where the blob grows; what an earlier download left there is taken up. */
  readonly partial: string;
  /** Where it appears when it is whole and its hash is right. */
  readonly target: string;
  readonly retries: RetryOptions;
  readonly signal?: AbortSignal | undefined;
  /** Told the bytes that came or were there already, negative where they were thrown away. */
  readonly onBytes: (bytes: number, isReceived: boolean) => void;
  readonly onMessage: (text: string) => void;
}

/** After so many new bytes earlier failures are forgiven: few enough for slow lines, enough to bound the tries. */
const PROGRESS_BYTES = 1024 * 1024;

/** Bytes hashed at once of what is there already. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * Downloads one blob: continues what an earlier try left, checks size and hash, and lets the file appear only when it
 * is whole and safe on the disk. A wrong hash is tried once more from the beginning.
 *
 * @throws DiptychError `download_corrupt` for a second wrong hash, with nothing left behind; `hub_unavailable` where the
 *   connection breaks too often, with the part that came left for later; a system error of the disk; the signal's reason.
 */
export async function downloadBlob(options: BlobDownloadOptions): Promise<void> {
  const { file, partial, onMessage } = options;
  for (const isLast of [false, true]) {
    if (await new BlobDownload(options).complete()) return await publish(options);
    await rm(partial, { force: true });
    options.onBytes(-file.size, false);
    if (!isLast) onMessage(`${file.name} came damaged (wrong ${file.hash.name}); downloading it again.`);
  }
  throw new DiptychError(
    'download_corrupt',
    `${file.name} came twice with another ${file.hash.name} than ${file.hash.value}, which the hub tells; it was removed. Try again later, or through another network.`,
    { param: file.name },
  );
}

/** Makes the content last before its name appears, so that a blob is whole even after a loss of power. */
async function publish({ partial, target }: BlobDownloadOptions): Promise<void> {
  {
    await using handle = await open(partial, 'r+');
    await handle.sync();
  }
  await rename(partial, target);
}

/** What has come of a blob, and its hash so far. */
class BlobDownload {
  readonly #options: BlobDownloadOptions;
  #position = 0;
  /** The furthest that the download ever came: only what lies beyond it is progress. */
  #forgivenAt = 0;
  #hash: Hash;

  constructor(options: BlobDownloadOptions) {
    this.#options = options;
    this.#hash = options.file.hash.start(options.file.size);
  }

  /** Downloads what lacks. @returns Whether the hash of the whole is right. */
  async complete(): Promise<boolean> {
    const { file, retries, signal, onMessage } = this.#options;
    await this.#takeUp();
    await withRetries((progressed) => this.#transfer(progressed), { ...retries, signal, onMessage });
    return this.#hash.digest('hex') === file.hash.value;
  }

  /** Hashes what an earlier download left. */
  async #takeUp(): Promise<void> {
    const { partial, file, signal, onBytes } = this.#options;
    try {
      const stream = createReadStream(partial, {
        highWaterMark: CHUNK_BYTES,
        end: file.size,
        ...(signal && { signal }),
      });
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        this.#hash.update(chunk);
        this.#position += chunk.length;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (systemCode(error) !== 'ENOENT') throw error;
    }
    onBytes(this.#position, false);
    if (this.#position > file.size) await this.#startOver();
    this.#forgivenAt = this.#position;
  }

  /** A new file instead of an emptied one: whoever may still write to the old one does no harm. */
  async #startOver(): Promise<void> {
    const { partial, file, onBytes } = this.#options;
    await rm(partial, { force: true });
    onBytes(-this.#position, false);
    this.#position = 0;
    this.#hash = file.hash.start(file.size);
  }

  async #transfer(progressed: () => void): Promise<void> {
    const { client, reference, file, partial, signal } = this.#options;
    if (this.#position >= file.size) return await touch(partial);
    await using answer = await client.openFile(reference, file.name, { from: this.#position, signal });
    if (!continuesAt(answer, this.#position, file.size)) {
      await this.#startOver();
      if (answer.status !== 200) throw new Interruption(`${answer.host} cannot continue ${file.name}`);
    }
    await using handle = await open(partial, this.#position === 0 ? 'w' : 'r+');
    await this.#receive(answer, handle, progressed);
    if (this.#position >= file.size) return;
    throw new Interruption(
      `${answer.host} broke off ${file.name} at ${this.#position} of ${file.size} bytes`,
    );
  }

  async #receive(answer: HubAnswer, handle: FileHandle, progressed: () => void): Promise<void> {
    const { file, onBytes } = this.#options;
    for await (const chunk of answer.chunks()) {
      // What lies beyond the size makes the hash wrong as well, but must not fill the disk.
      const wanted = chunk.subarray(0, file.size - this.#position);
      await writeWhole(handle, wanted, this.#position);
      this.#hash.update(wanted);
      this.#position += wanted.length;
      onBytes(wanted.length, true);
      if (this.#position >= this.#forgivenAt + PROGRESS_BYTES) {
        this.#forgivenAt = this.#position;
        progressed();
      }
      if (wanted.length < chunk.length) return void this.#hash.update('more than the whole');
    }
  }
}

/** Whether an answer begins where it was asked to; a server may send the whole instead, or another file. */
function continuesAt({ status, headers }: HubAnswer, position: number, size: number): boolean {
  if (position === 0) return true;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  if (status !== 206 || !range) return false;
  return Number(range[1]) === position && (range[2] === '*' || Number(range[2]) === size);
}

/** A file of no bytes is never transferred, but must be there. */
async function touch(path: string): Promise<void> {
  const handle = await open(path, 'a');
  await handle.close();
}

async function writeWhole(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}
