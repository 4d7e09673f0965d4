import type { PromptImageRows } from './request.ts';

/** One feature row in a sequence of tokens. */
export interface PlacedRow {
  readonly position: number;
  /** Digest of the image. */
  readonly digest: string;
  /** Index of the row in the image. */
  readonly row: number;
}

/** What a KV cache depends on: token ids, and the feature rows that replace some of their embeddings. */
export interface CacheContents {
  readonly ids: Int32Array;
  /** By ascending position; rows beyond `ids` do not matter. */
  readonly rows: readonly PlacedRow[];
}

/** Length of the longest common prefix, within which every token and every feature row is the same. */
export function commonPrefix(held: CacheContents, wanted: CacheContents): number {
  const limit = Math.min(held.ids.length, wanted.ids.length, firstDifferentRow(held.rows, wanted.rows));
  let length = 0;
  while (length < limit && held.ids[length] === wanted.ids[length]) length++;
  return length;
}

/** Pairs each image position with its image's digest and the row's index in the image. */
export function placeRows(positions: Int32Array, images: readonly PromptImageRows[]): PlacedRow[] {
  const placed: PlacedRow[] = [];
  for (const { digest, rows } of images) {
    const first = placed.length;
    for (const position of positions.subarray(first, first + rows)) {
      placed.push({ position, digest, row: placed.length - first });
    }
  }
  return placed;
}

function firstDifferentRow(held: readonly PlacedRow[], wanted: readonly PlacedRow[]): number {
  const index = held.findIndex((row, i) => !isSame(row, wanted[i]));
  const differs = index === -1 ? held.length : index;
  return Math.min(held[differs]?.position ?? Infinity, wanted[differs]?.position ?? Infinity);
}

function isSame(left: PlacedRow, right: PlacedRow | undefined): boolean {
  return left.position === right?.position && left.digest === right.digest && left.row === right.row;
}
