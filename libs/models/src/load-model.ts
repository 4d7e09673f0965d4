import { join } from 'node:path';
import { type Checkpoint, compiledFolder, openCheckpoint } from '@diptych/checkpoint';
import { GRAPH_FILE, type WeightFormat } from '@diptych/onnx-graph';
import type { FamilyModel } from './family.ts';
import type { Model, ModelDescription } from './model.ts';
import { findFamily } from './registry.ts';

/** Which checkpoint to load, and where compiled models are kept. */
export interface LoadOptions {
  /** Folder that holds config.json. */
  readonly checkpointFolder: string;
  /** Folder of the cache: `defaultHome` of @diptych/checkpoint, or the user's choice. */
  readonly home: string;
  readonly weights?: WeightFormat;
  /** Told in words what takes long. */
  readonly onProgress?: (message: string) => void;
}

/** Raised whenever the graphs that are written change: compiled models of another version are not used. */
const COMPILER_VERSION = 1;

/**
 * Opens a checkpoint, and compiles it where the cache does not hold it yet.
 *
 * @throws DiptychError `checkpoint_not_found`, `checkpoint_file_missing`, `checkpoint_invalid` or
 *   `model_family_unsupported`, naming file and field.
 */
export async function loadModel(options: LoadOptions): Promise<Model> {
  const { checkpointFolder, home, weights = 'float32', onProgress } = options;
  const checkpoint = await openCheckpoint(checkpointFolder);
  const { family, opened } = await openFamily(checkpoint);
  const folder = await compiledFolder({
    home,
    checkpoint,
    weights,
    compilerVersion: COMPILER_VERSION,
    compile: (target) => compile(opened, target),
    ...(onProgress && { onProgress }),
  });
  const { vision, language, imageToken, expandImage } = opened;
  return {
    id: checkpoint.id,
    fingerprint: await checkpoint.fingerprint(),
    family,
    weights,
    folder,
    checkpoint,
    vision: { ...vision, graphPath: join(folder, VISION_FOLDER, GRAPH_FILE) },
    language: { ...language, graphPath: join(folder, LANGUAGE_FOLDER, GRAPH_FILE) },
    imageToken,
    expandImage,
  };
}

/**
 * What a checkpoint's small files say, without reading or compiling its weights.
 *
 * @throws DiptychError as `loadModel`.
 */
export async function describeModel(checkpoint: Checkpoint): Promise<ModelDescription> {
  const { family, opened } = await openFamily(checkpoint);
  const { vision, language, imageToken, expandImage } = opened;
  return { family, vision, language, imageToken, expandImage };
}

/** Each stage's graph has a folder of its own, so that a stage can be given its part alone. */
const VISION_FOLDER = 'vision';
const LANGUAGE_FOLDER = 'language';

async function openFamily(checkpoint: Checkpoint): Promise<{ family: string; opened: FamilyModel }> {
  const family = await findFamily(checkpoint);
  return { family: family.name, opened: await family.open(checkpoint) };
}

async function compile(model: FamilyModel, folder: string): Promise<void> {
  await model.visionGraph().save(join(folder, VISION_FOLDER));
  await model.languageGraph().save(join(folder, LANGUAGE_FOLDER));
}
