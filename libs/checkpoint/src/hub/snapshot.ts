import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { INDEX_FILE, SINGLE_FILE } from '../checkpoint-weights.ts';
import { readJsonFile } from '../json-file.ts';
import type { RepositoryCache } from './cache-layout.ts';
import { hasSize } from './link-snapshot.ts';
import { chooseFiles, type NeededFiles, shardsOf } from './needed-files.ts';

/** How much of a checkpoint is wanted: the gateway has no use for weights. */
export type WantedParts = 'all' | 'small-files';

/**
 * The folder of a revision in the cache, where every file that is needed is there; undefined otherwise. Asks nobody.
 *
 * What huggingface_hub began and did not finish is told by its listing of the commit, where it left one. Our own
 * downloads bring the weights last, so that a folder with its weights has all the rest.
 */
export async function findSnapshot(
  cache: RepositoryCache,
  revision: string,
  parts: WantedParts,
): Promise<string | undefined> {
  const commit = await cache.commitOf(revision);
  if (commit === undefined) return undefined;
  const folder = cache.snapshot(commit);
  const listed = (await readListing(cache.listing(commit))) ?? (await namesIn(folder));
  return (await isComplete(folder, listed, parts)) ? folder : undefined;
}

async function isComplete(
  folder: string,
  listed: ReadonlyMap<string, number | undefined>,
  parts: WantedParts,
): Promise<boolean> {
  const needed = attempt(() =>
    chooseFiles(folder, [...listed.keys(), ...(parts === 'all' ? [] : [SINGLE_FILE])]),
  );
  if (!needed) return false;
  const weights = parts === 'all' ? await weightFiles(folder, needed).catch(() => undefined) : [];
  if (!weights) return false;
  const present = [...needed.small, ...weights].map((name) => hasSize(join(folder, name), listed.get(name)));
  return (await Promise.all(present)).every(Boolean);
}

/**
 * Names of the files that hold the weights, by the index in the folder where they are sharded.
 *
 * @throws DiptychError `checkpoint_file_missing` or `checkpoint_invalid` for the index.
 */
export async function weightFiles(folder: string, { weights }: NeededFiles): Promise<readonly string[]> {
  return weights === 'single' ? [SINGLE_FILE] : shardsOf(await readJsonFile(folder, INDEX_FILE));
}

async function namesIn(folder: string): Promise<Map<string, number | undefined>> {
  const names = await readdir(folder).catch(() => []);
  return new Map(names.map((name) => [name, undefined]));
}

/** Of version 1, the only one there is (`_tree_cache.py`). */
const Listing = z.object({
  format_version: z.literal(1),
  files: z.record(z.string(), z.object({ size: z.int().nonnegative() })),
});

async function readListing(path: string): Promise<Map<string, number | undefined> | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const listing = text === undefined ? undefined : attempt(() => Listing.parse(JSON.parse(text)));
  return listing && new Map(Object.entries(listing.files).map(([name, { size }]) => [name, size]));
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
