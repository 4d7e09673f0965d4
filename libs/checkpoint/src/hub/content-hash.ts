import { createHash, type Hash } from 'node:crypto';

/**
 * How the hub names a file's content: an LFS file by its SHA-256, a file of git by the SHA-1 of its blob object. The
 * entity tag of the file is this hash.
 */
export interface ContentHash {
  /** Lower-case hexadecimal. */
  readonly value: string;
  /** For messages: `SHA-256`, or `SHA-1 of git`. */
  readonly name: string;
  /** A new computation over a content of this many bytes. */
  start(size: number): Hash;
}

/** Reads an entity tag as huggingface_hub does (`_normalize_etag`); undefined where it is no hash. */
export function parseEntityTag(tag: string): ContentHash | undefined {
  const value = tag.replace(/^W\//, '').replaceAll('"', '');
  if (/^[0-9a-f]{64}$/.test(value)) return { value, name: 'SHA-256', start: () => createHash('sha256') };
  if (/^[0-9a-f]{40}$/.test(value)) return { value, name: 'SHA-1 of git', start: startGitBlob };
  return undefined;
}

/** Git hashes `blob`, the size and a zero byte before the content (git-hash-object). */
function startGitBlob(size: number): Hash {
  return createHash('sha1').update(`blob ${size}\0`);
}
