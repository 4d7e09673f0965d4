import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DiptychError } from '@diptych/errors';
import { INDEX_FILE } from '../checkpoint-weights.ts';
import { ProcessLock } from '../process-lock.ts';
import { downloadBlob } from './blob-download.ts';
import { RepositoryCache } from './cache-layout.ts';
import { cacheFailure, checkSpace } from './cache-space.ts';
import { HubClient, type RemoteFile, type RepositoryInfo } from './hub-client.ts';
import type { HubSettings } from './hub-settings.ts';
import { inParallel } from './in-parallel.ts';
import { type RetryOptions, USUAL_RETRIES, withRetries } from './interruption.ts';
import { hasSize, linkFile, tagCache, writeRef } from './link-snapshot.ts';
import { chooseFiles, type NeededFiles } from './needed-files.ts';
import { type PullListener, PullMeter } from './pull-progress.ts';
import { describeReference, type RepositoryReference } from './repository.ts';
import { type WantedParts, weightFiles } from './snapshot.ts';

/** What to download, and how. */
export interface PullOptions {
  readonly reference: RepositoryReference;
  readonly settings: HubSettings;
  /** Everything where left out. */
  readonly parts?: WantedParts;
  /**
   * Called with the snapshot's folder when its small files are there, before any weights are downloaded: a checkpoint
   * that cannot be served anyway is refused by throwing.
   */
  readonly accept?: (folder: string) => Promise<void>;
  readonly listener?: PullListener;
  /** Gives up; what came is kept, and the next pull goes on from there. */
  readonly signal?: AbortSignal | undefined;
  readonly retries?: RetryOptions;
}

/** A model that is in the cache. */
export interface PulledModel {
  readonly id: string;
  readonly commit: string;
  /** Folder of its files: a checkpoint. */
  readonly folder: string;
}

/** Files that come at once: enough to keep a line busy, few enough for a hub's limits. */
const FILES_AT_ONCE = 4;

/**
 * Brings a repository's checkpoint into the cache that Python's huggingface_hub shares, or up to date there: small files
 * first, then the weights. Each file's size and hash are those that the hub tells. Several processes may ask at once:
 * one downloads, the others wait and find it done. Interrupted at any point, the next pull goes on.
 *
 * @throws DiptychError `checkpoint_not_found`, `checkpoint_file_missing`, `checkpoint_invalid`, `hub_access_denied`,
 *   `hub_unavailable`, `download_corrupt` or `configuration_invalid`; what `accept` throws; the signal's reason.
 */
export async function pullModel(options: PullOptions): Promise<PulledModel> {
  if (options.settings.offline) throw offline(options.reference);
  const pull = new Pull(options);
  try {
    return await pull.run();
  } catch (error) {
    throw cacheFailure(options.settings.cacheFolder, error);
  }
}

/** One download into one repository's cache. */
class Pull {
  readonly #options: PullOptions;
  readonly #cache: RepositoryCache;
  readonly #client: HubClient;
  readonly #meter: PullMeter;

  constructor(options: PullOptions) {
    this.#options = options;
    this.#cache = new RepositoryCache(options.settings.cacheFolder, options.reference.id);
    this.#client = new HubClient(options.settings);
    this.#meter = new PullMeter((progress) => options.listener?.onProgress?.(progress));
  }

  async run(): Promise<PulledModel> {
    const { reference, signal } = this.#options;
    const info = await this.#persistently(() => this.#client.repositoryInfo(reference, signal));
    const needed = chooseFiles(describeReference(reference), [...info.files.keys()]);
    const lock = await this.#lock();
    try {
      return await this.#bringAll(info, needed);
    } finally {
      await lock[Symbol.asyncDispose]();
    }
  }

  async #lock(): Promise<ProcessLock> {
    const { reference, settings, signal } = this.#options;
    await mkdir(dirname(this.#cache.lockFile), { recursive: true });
    await tagCache(settings.cacheFolder);
    return ProcessLock.acquire(this.#cache.lockFile, {
      onWait: ({ pid, host }) =>
        this.#tell(`Waiting for process ${pid} on ${host}, which downloads ${reference.id}.`),
      signal,
    });
  }

  async #bringAll(info: RepositoryInfo, needed: NeededFiles): Promise<PulledModel> {
    const { reference, accept, parts } = this.#options;
    const folder = this.#cache.snapshot(info.commit);
    await this.#bring(needed.small, info);
    await accept?.(folder);
    if (parts !== 'small-files') await this.#bring(await this.#listWeights(folder, needed, info), info);
    // Last: until then the revision stays what it was, so that an interrupted update leaves the old model usable.
    await writeRef(this.#cache, reference.revision, info.commit);
    this.#meter.flush();
    return { id: reference.id, commit: info.commit, folder };
  }

  async #listWeights(
    folder: string,
    needed: NeededFiles,
    { files }: RepositoryInfo,
  ): Promise<readonly string[]> {
    const names = await weightFiles(folder, needed);
    const absent = names.find((name) => !files.has(name));
    if (absent === undefined) return names;
    const message = `${describeReference(this.#options.reference)} has no ${absent}, which its ${INDEX_FILE} names; ask its authors for it.`;
    throw new DiptychError('checkpoint_file_missing', message, { param: absent });
  }

  /** Brings files into the snapshot, those first in the list first. */
  async #bring(names: readonly string[], info: RepositoryInfo): Promise<void> {
    const pinned = { id: this.#cache.id, revision: info.commit };
    const lacking = await this.#withoutPresent(names, info);
    const files = await this.#inParallel(lacking, (name, signal) =>
      this.#persistently(
        () => this.#client.remoteFile(pinned, name, { listed: info.files.get(name), signal }),
        signal,
      ),
    );
    // Files of the same content are one blob.
    const blobs = [...new Map(files.map((file) => [file.hash.value, file])).values()];
    await this.#checkSpace(blobs);
    const fresh = await this.#inParallel(blobs, (file, signal) => this.#download(file, pinned, signal));
    const own = new Set(blobs.filter((_, index) => fresh[index]).map(({ hash }) => hash.value));
    for (const [index, { name, hash }] of files.entries()) {
      const isShared = files.some((other, at) => at !== index && other.hash.value === hash.value);
      await linkFile(this.#cache.blob(hash.value), join(this.#cache.snapshot(info.commit), name), {
        symlinks: this.#options.settings.symlinks,
        ownBlob: own.has(hash.value) && !isShared,
      });
    }
  }

  async #withoutPresent(names: readonly string[], { commit, files }: RepositoryInfo): Promise<string[]> {
    const lacking: string[] = [];
    for (const name of names) {
      const path = join(this.#cache.snapshot(commit), name);
      if (await hasSize(path, files.get(name))) this.#count((await stat(path)).size);
      else lacking.push(name);
    }
    return lacking;
  }

  async #checkSpace(blobs: readonly RemoteFile[]): Promise<void> {
    if (blobs.length === 0) return;
    const folder = this.#cache.blobs;
    await mkdir(folder, { recursive: true });
    const there = await Promise.all(blobs.map((file) => this.#bytesThere(file)));
    await checkSpace(
      folder,
      blobs.reduce((sum, { size }, index) => sum + size - (there[index] ?? 0), 0),
    );
  }

  async #bytesThere({ size, hash }: RemoteFile): Promise<number> {
    if (await hasSize(this.#cache.blob(hash.value), size)) return size;
    return (await stat(this.#cache.partialBlob(hash.value)).catch(() => undefined))?.size ?? 0;
  }

  /** @returns Whether the blob came just now, and was not there before. */
  async #download(file: RemoteFile, reference: RepositoryReference, signal: AbortSignal): Promise<boolean> {
    const { value } = file.hash;
    const target = this.#cache.blob(value);
    if (await hasSize(target, file.size)) {
      this.#count(file.size);
      return false;
    }
    this.#meter.expect(file.size);
    await downloadBlob({
      client: this.#client,
      reference,
      file,
      partial: this.#cache.partialBlob(value),
      target,
      retries: this.#options.retries ?? USUAL_RETRIES,
      signal,
      onBytes: (bytes, isReceived) => this.#meter.add(bytes, isReceived),
      onMessage: (text) => this.#tell(text),
    });
    return true;
  }

  #count(bytes: number): void {
    this.#meter.expect(bytes);
    this.#meter.add(bytes, false);
  }

  #inParallel<Item, Result>(
    items: readonly Item[],
    work: (item: Item, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result[]> {
    return inParallel(items, { atOnce: FILES_AT_ONCE, signal: this.#options.signal }, work);
  }

  #persistently<T>(attempt: () => Promise<T>, signal = this.#options.signal): Promise<T> {
    const retries = this.#options.retries ?? USUAL_RETRIES;
    return withRetries(attempt, { ...retries, signal, onMessage: (text) => this.#tell(text) });
  }

  #tell(text: string): void {
    this.#options.listener?.onMessage?.(text);
  }
}

function offline({ id }: RepositoryReference): DiptychError {
  const message = `${id} cannot be downloaded: HF_HUB_OFFLINE is set. Unset it, or use a model of the cache (diptych list).`;
  return new DiptychError('hub_unavailable', message, { param: 'HF_HUB_OFFLINE' });
}
