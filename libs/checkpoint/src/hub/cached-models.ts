import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { RepositoryCache, repositoryOf } from './cache-layout.ts';
import { isCommit, parseReference } from './repository.ts';
import { findSnapshot } from './snapshot.ts';

/** A checkpoint that is whole in the cache. */
export interface CachedModel {
  /** `org/name`. */
  readonly id: string;
  readonly commit: string;
  /** Branches and tags that were this commit when they were last asked for. */
  readonly revisions: readonly string[];
  readonly folder: string;
  /** Size of its files. */
  readonly bytes: number;
}

/** The checkpoints of a hub's cache that have all their files, by id and commit. Asks nobody. */
export async function listCachedModels(cacheFolder: string): Promise<readonly CachedModel[]> {
  const models: CachedModel[] = [];
  for (const name of (await namesIn(cacheFolder)).sort()) {
    const id = repositoryOf(name);
    if (id !== undefined && parseReference(id))
      models.push(...(await snapshotsOf(new RepositoryCache(cacheFolder, id))));
  }
  return models;
}

async function snapshotsOf(cache: RepositoryCache): Promise<CachedModel[]> {
  const refs = await readRefs(cache);
  const models: CachedModel[] = [];
  for (const commit of (await namesIn(cache.snapshots)).filter(isCommit).sort()) {
    const folder = await findSnapshot(cache, commit, 'all');
    if (folder === undefined) continue;
    const revisions = refs.filter((ref) => ref.commit === commit).map(({ revision }) => revision);
    models.push({ id: cache.id, commit, revisions, folder, bytes: await sizeOf(folder) });
  }
  return models;
}

/** A revision may hold slashes, and is then a file in a folder. */
async function readRefs(cache: RepositoryCache): Promise<{ revision: string; commit: string | undefined }[]> {
  const root = cache.ref('');
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.tmp'));
  const revisions = files.map((entry) =>
    relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'),
  );
  return Promise.all(
    revisions.sort().map(async (revision) => ({ revision, commit: await cache.commitOf(revision) })),
  );
}

async function sizeOf(folder: string): Promise<number> {
  const names = await namesIn(folder);
  const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
  return found.reduce((sum, file) => sum + (file?.isFile() ? file.size : 0), 0);
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
