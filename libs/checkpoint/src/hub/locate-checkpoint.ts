import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DiptychError } from '@diptych/errors';
import { systemCode } from '../failures.ts';
import { RepositoryCache } from './cache-layout.ts';
import { type HubSettings, readHubSettings } from './hub-settings.ts';
import { type PullOptions, pullModel } from './pull-model.ts';
import { describeReference, parseReference, type RepositoryReference } from './repository.ts';
import { findSnapshot } from './snapshot.ts';

/** How a checkpoint is looked for, and downloaded where it is not there. */
export interface LocateOptions
  extends Pick<PullOptions, 'parts' | 'accept' | 'listener' | 'signal' | 'retries'> {
  /** Those of the environment where left out. */
  readonly settings?: HubSettings;
}

/**
 * The folder of a checkpoint that a user names: a folder, or a repository of the hub, `org/name` or
 * `org/name@revision`. A folder that exists wins. A repository is downloaded where the cache does not hold that revision
 * yet; what it holds is used without asking the hub, `pullModel` brings it up to date.
 *
 * @throws DiptychError `checkpoint_not_found` saying both ways; as `pullModel`.
 */
export async function locateCheckpoint(model: string, options: LocateOptions = {}): Promise<string> {
  const found = await lookAt(model);
  if (found === 'folder') return resolve(model);
  const reference = found === 'ENOENT' && !isPath(model) ? parseReference(model) : undefined;
  if (!reference) throw unknown(model, found);
  const settings = options.settings ?? (await readHubSettings());
  const cache = new RepositoryCache(settings.cacheFolder, reference.id);
  const cached = await findSnapshot(cache, reference.revision, options.parts ?? 'all');
  if (cached !== undefined) return cached;
  if (settings.offline) throw notCached(reference, settings);
  const name = describeReference(reference);
  options.listener?.onMessage?.(
    `${name} is not in ${settings.cacheFolder} yet; downloading it from ${settings.endpoint}.`,
  );
  const { folder } = await pullModel({ ...options, reference, settings }).catch((error: unknown) => {
    throw sayBothWays(error, model);
  });
  options.listener?.onMessage?.(`Downloaded ${name}.`);
  return folder;
}

/** A path where its beginning or a backslash says so; `org/name` could be one too. */
function isPath(text: string): boolean {
  return /^[./~]|^[a-z]:|\\/i.test(text);
}

/** `folder`, `file`, or the code of the system's error. */
async function lookAt(path: string): Promise<string> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    return systemCode(error) ?? 'unknown reason';
  }
}

function unknown(model: string, found: string): DiptychError {
  const problem = found === 'file' ? 'is a file' : `is not a folder that can be read (${found})`;
  const name = isPath(model) ? resolve(model) : model;
  return new DiptychError(
    'checkpoint_not_found',
    `${name} ${problem}; give the folder of a checkpoint, or a repository of the hub as org/name or org/name@revision.`,
    { param: 'model' },
  );
}

function notCached(reference: RepositoryReference, { cacheFolder }: HubSettings): DiptychError {
  const name = describeReference(reference);
  const message = `${name} is not whole in ${cacheFolder}, and HF_HUB_OFFLINE forbids to download it; unset it, or pull the model while online.`;
  return new DiptychError('hub_unavailable', message, { param: 'HF_HUB_OFFLINE' });
}

/** Who meant a folder and mistyped it gets an answer about the hub otherwise. */
function sayBothWays(error: unknown, model: string): unknown {
  if (!(error instanceof DiptychError) || error.code !== 'checkpoint_not_found') return error;
  const message = `There is no folder ${model} here. ${error.message}`;
  return new DiptychError('checkpoint_not_found', message, { param: 'model', cause: error });
}
