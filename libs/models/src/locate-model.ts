import { asLines, type LocateOptions, locateCheckpoint, openCheckpoint } from '@diptych/checkpoint';
import { findFamily } from './registry.ts';

/**
 * Refuses a checkpoint of a family that Diptych does not serve; for `accept` of a download, before its weights come.
 *
 * @throws DiptychError `model_family_unsupported` or `checkpoint_invalid`.
 */
export async function acceptFamily(folder: string): Promise<void> {
  await findFamily(await openCheckpoint(folder));
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
export function locateModel(model: string, { onProgress, ...options }: LocateModelOptions = {}): Promise<string> {
  return locateCheckpoint(model, {
    ...options,
    accept: acceptFamily,
    ...(onProgress && { listener: asLines(onProgress) }),
  });
}
