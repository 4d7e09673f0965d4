import { asLines, type LocateOptions, locateCheckpoint, openCheckpoint } from '@diptych/checkpoint';
import { findFamily } from './registry.ts';

/**
 * Name of the family of the checkpoint in a folder, whose weights may lack.
 *
 * @throws DiptychError `model_family_unsupported`, `checkpoint_invalid`, `checkpoint_file_missing` or
 *   `checkpoint_not_found`.
 */
export async function familyOf(folder: string): Promise<string> {
  return (await findFamily(await openCheckpoint(folder))).name;
}

/** Refuses a checkpoint of a family that is not served: for a download, before the weights come. Throws as `familyOf`. */
export async function acceptFamily(folder: string): Promise<void> {
  await familyOf(folder);
}

/** How a service looks for its model. */
export interface LocateModelOptions extends Pick<LocateOptions, 'parts' | 'signal'> {
  /** Told in words what takes long. */
  readonly onProgress?: (message: string) => void;
}

/**
 * The folder of the model that a user names, a folder or a repository of the hub, downloaded where it is not there yet.
 *
 * @throws DiptychError as `locateCheckpoint`, and `model_family_unsupported` before the weights are downloaded.
 */
export function locateModel(
  model: string,
  { onProgress, ...options }: LocateModelOptions = {},
): Promise<string> {
  return locateCheckpoint(model, {
    ...options,
    accept: acceptFamily,
    ...(onProgress && { listener: asLines(onProgress) }),
  });
}
