import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { PlacedWeight } from './layout.ts';

/** Bytes of one call: the system takes at most 2 GiB at once, and checksums should not hold up the event loop. */
const CALL_BYTES = 16 * 2 ** 20;

/** The file that holds the large weights of a graph. */
export class DataFile implements AsyncDisposable {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Opens the file, with what an interrupted save has left in it where `keep` is set. */
  static async open(path: string, { keep }: { readonly keep: boolean }): Promise<DataFile> {
    return new DataFile(
      await open(path, constants.O_RDWR | constants.O_CREAT | (keep ? 0 : constants.O_TRUNC)),
    );
  }

  /** Writes a weight's outputs to their places; returns their checksum. */
  async write({ outputs }: PlacedWeight, encoded: readonly Uint8Array[]): Promise<number> {
    let checksum = 0;
    for (const [index, { offset }] of outputs.entries()) {
      const bytes = encoded[index] ?? new Uint8Array();
      for (let done = 0; done < bytes.length; ) {
        const piece = bytes.subarray(done, done + CALL_BYTES);
        const { bytesWritten } = await this.#handle.write(piece, 0, piece.length, offset + done);
        checksum = crc32(piece.subarray(0, bytesWritten), checksum);
        done += bytesWritten;
      }
    }
    return checksum;
  }

  /** The checksum of what the file holds in a weight's places, as `write` returned it; it differs where bytes lack. */
  async checksum({ outputs }: PlacedWeight): Promise<number> {
    let checksum = 0;
    const buffer = new Uint8Array(CALL_BYTES);
    for (const { offset, length } of outputs) {
      for (let done = 0; done < length; ) {
        const wanted = Math.min(CALL_BYTES, length - done);
        const { bytesRead } = await this.#handle.read(buffer, 0, wanted, offset + done);
        if (bytesRead === 0) return NaN;
        checksum = crc32(buffer.subarray(0, bytesRead), checksum);
        done += bytesRead;
      }
    }
    return checksum;
  }

  /** Returns when everything written is on the disk. */
  async sync(): Promise<void> {
    await this.#handle.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
