import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isCommit } from './repository.ts';

/**
 * Where huggingface_hub keeps one model repository (`file_download.py`): `blobs` named by their hash, `snapshots` with a
 * folder for each commit whose files are links to blobs, and `refs` that say which commit a branch or tag was.
 */
export class RepositoryCache {
  readonly id: string;
  readonly #cacheFolder: string;
  readonly #folderName: string;

  /** @param id `org/name`, as `parseReference` gives it. */
  constructor(cacheFolder: string, id: string) {
    this.id = id;
    this.#cacheFolder = cacheFolder;
    this.#folderName = [FOLDER_PREFIX, ...id.split('/')].join(SEPARATOR);
  }

  /** Folder of the repository. */
  get folder(): string {
    return join(this.#cacheFolder, this.#folderName);
  }

  /** File that whoever downloads into this repository holds; beside the locks of huggingface_hub, which are flocks. */
  get lockFile(): string {
    return join(this.#cacheFolder, '.locks', this.#folderName, 'diptych.lock');
  }

  /** Folder of all contents. */
  get blobs(): string {
    return join(this.folder, 'blobs');
  }

  /** File of a blob, by its hash. */
  blob(hash: string): string {
    return join(this.blobs, hash);
  }

  /**
   * File of a blob that has not come whole yet. Its name is ours: old releases of huggingface_hub append to
   * `<hash>.incomplete` and check no hash, so sharing that file could damage what they download.
   */
  partialBlob(hash: string): string {
    return join(this.blobs, `${hash}.diptych.incomplete`);
  }

  /** Folder of all commits' folders. */
  get snapshots(): string {
    return join(this.folder, SNAPSHOTS);
  }

  /** Folder of a commit's files. */
  snapshot(commit: string): string {
    return join(this.snapshots, commit);
  }

  /** File that holds the commit of a revision. */
  ref(revision: string): string {
    return join(this.folder, 'refs', revision);
  }

  /** The listing of a commit's files that huggingface_hub may have left (`_tree_cache.py`). */
  listing(commit: string): string {
    return join(this.folder, 'trees', `${commit}.json`);
  }

  /** The commit that a revision was when it was last asked for; undefined where the cache does not know it. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(this.ref(revision), 'utf8').catch(() => '');
    const commit = text.trim();
    return isCommit(commit) ? commit : undefined;
  }
}

/** Which repository and commit a folder of a cache holds; undefined for any other folder. */
export function hubOrigin(folder: string): { readonly id: string; readonly commit: string } | undefined {
  const commit = basename(folder);
  const snapshots = dirname(folder);
  if (basename(snapshots) !== SNAPSHOTS || !isCommit(commit)) return undefined;
  const id = repositoryOf(basename(dirname(snapshots)));
  return id === undefined ? undefined : { id, commit };
}

/** The id of the model repository whose folder has this name, undefined for another folder of the cache. */
export function repositoryOf(folderName: string): string | undefined {
  const [prefix, ...parts] = folderName.split(SEPARATOR);
  return prefix === FOLDER_PREFIX && parts.length > 0 && parts.every(Boolean) ? parts.join('/') : undefined;
}

/** `repo_folder_name` of huggingface_hub: the type in the plural, then the parts of the id. */
const FOLDER_PREFIX = 'models';
const SEPARATOR = '--';
const SNAPSHOTS = 'snapshots';
