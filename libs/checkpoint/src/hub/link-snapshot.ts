import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { systemCode } from '../failures.ts';
import type { RepositoryCache } from './cache-layout.ts';
import { isCommit } from './repository.ts';

/** Whether a file is there with a size; of a link what it leads to counts. Any size where none is known. */
export async function hasSize(path: string, size: number | undefined): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true && (size === undefined || found.size === size);
}

/**
 * Puts a blob into a snapshot under a file's name: as a relative link, or where the system has none (or `symlinks` is
 * false) as the file itself, as `_create_symlink` of huggingface_hub does.
 *
 * @param options.ownBlob Whether nothing else needs the blob, so that it may be moved instead of copied.
 */
export async function linkFile(
  blob: string,
  pointer: string,
  options: { readonly symlinks: boolean; readonly ownBlob: boolean },
): Promise<void> {
  await mkdir(dirname(pointer), { recursive: true });
  // By renaming, so that a reader finds the old file or the new one, but always one.
  const aside = `${pointer}.${randomUUID()}.tmp`;
  try {
    if (!(options.symlinks && (await tryLink(blob, aside)))) await place(blob, aside, options.ownBlob);
    await rename(aside, pointer);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

async function tryLink(blob: string, path: string): Promise<boolean> {
  try {
    await symlink(relative(dirname(path), blob), path, 'file');
    return true;
  } catch (error) {
    // What systems without links, or users who may make none, answer.
    if (['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'].includes(systemCode(error) ?? ''))
      return false;
    throw error;
  }
}

async function place(blob: string, path: string, isMoved: boolean): Promise<void> {
  if (isMoved) await rename(blob, path);
  else await copyFile(blob, path);
}

/** Notes which commit a revision is (`_cache_commit_hash_for_specific_revision`); a commit needs no note. */
export async function writeRef(cache: RepositoryCache, revision: string, commit: string): Promise<void> {
  if (isCommit(revision) || (await cache.commitOf(revision)) === commit) return;
  const path = cache.ref(revision);
  await mkdir(dirname(path), { recursive: true });
  const aside = join(dirname(path), `.${randomUUID()}.tmp`);
  await writeFile(aside, commit);
  await rename(aside, path);
}

/** The tag of https://bford.info/cachedir/, by which backups leave a cache out. */
const CACHE_TAG = `Signature: 8a477f597d28d172789f06886806bc55
# This file is a cache directory tag created by Diptych, in the cache of huggingface_hub.
# For information about cache directory tags, see https://bford.info/cachedir/
`;

/** Marks a folder as a cache, where nobody did before. */
export async function tagCache(cacheFolder: string): Promise<void> {
  await writeFile(join(cacheFolder, 'CACHEDIR.TAG'), CACHE_TAG, { flag: 'wx' }).catch(() => undefined);
}
