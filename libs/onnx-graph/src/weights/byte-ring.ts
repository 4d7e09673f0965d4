/** A contiguous piece of a `ByteRing`. */
export interface Region {
  readonly offset: number;
  readonly length: number;
}

/** Regions begin on multiples of this, so that any typed array can lie over one. */
const ALIGNMENT = 8;

/**
 * Memory that threads share and that is used again and again, first in, first out: what is released to the garbage
 * collector of several threads instead comes back late or never.
 */
export class ByteRing {
  readonly buffer: SharedArrayBuffer;
  readonly #live: Region[] = [];

  /** Pages count as used memory only once they are written to. */
  constructor(bytes: number) {
    this.buffer = new SharedArrayBuffer(alignedLength(bytes));
  }

  /** A region behind the newest one, all zero; undefined where there is no room until older ones are released. */
  allocate(bytes: number): Region | undefined {
    const length = alignedLength(bytes);
    const offset = this.#place(length);
    if (offset === undefined) return undefined;
    const region = { offset, length };
    this.#live.push(region);
    new Uint8Array(this.buffer, offset, length).fill(0);
    return region;
  }

  /** Gives the oldest region back. */
  release(): void {
    this.#live.shift();
  }

  #place(length: number): number | undefined {
    const [oldest, newest] = [this.#live[0], this.#live.at(-1)];
    if (!oldest || !newest) return length <= this.buffer.byteLength ? 0 : undefined;
    const end = newest.offset + newest.length;
    const isWrapped = newest.offset < oldest.offset;
    if (end + length <= (isWrapped ? oldest.offset : this.buffer.byteLength)) return end;
    return !isWrapped && length <= oldest.offset ? 0 : undefined;
  }
}

/** Length of what may lie between two regions, or two views within one. */
export function alignedLength(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
