import assert from 'node:assert/strict';
import { join } from 'node:path';
import {
  type Checkpoint,
  compiledFolder,
  FileHashes,
  openCheckpoint,
  percentLines,
} from '@diptych/checkpoint';
import { GRAPH_FILE, type GraphBuilder, type WeightFormat } from '@diptych/onnx-graph';
import { chooseWeights, type WeightsSetting } from './choose-weights.ts';
import { COMPILER_VERSION, stageFormat } from './compiled-formats.ts';
import type { FamilyModel } from './family.ts';
import { thisMachine } from './machine.ts';
import type { LoadedModel, ModelDescription } from './model.ts';
import { findFamily } from './registry.ts';
import { STAGES, type Stage } from './stage.ts';

/** Which checkpoint to load, and where compiled models are kept. */
export interface LoadOptions<S extends Stage = Stage> {
  /** Folder that holds config.json. */
  readonly checkpointFolder: string;
  /** Folder of the cache: `defaultHome` of @diptych/checkpoint, or the user's choice. */
  readonly home: string;
  /** How weights are stored; `auto`, which goes by this machine and the size of the model, where left out. */
  readonly weights?: WeightsSetting | undefined;
  /** The stages that will be served, both where left out; others are not compiled. */
  readonly stages?: readonly S[];
  /** Told in words what takes long, and what `auto` has become. */
  readonly onProgress?: (message: string) => void;
}

/**
 * Opens a checkpoint, and compiles it where the cache does not hold it yet.
 *
 * @throws DiptychError `checkpoint_not_found`, `checkpoint_file_missing`, `checkpoint_invalid` or
 *   `model_family_unsupported`, naming file and field.
 */
export async function loadModel<S extends Stage = Stage>(options: LoadOptions<S>): Promise<LoadedModel<S>> {
  const { checkpointFolder, home, onProgress = () => undefined } = options;
  const stages: readonly Stage[] = options.stages ?? STAGES;
  const checkpoint = await openCheckpoint(checkpointFolder);
  const { family, opened } = await openFamily(checkpoint);
  const weights = await formatOf(checkpoint, options.weights ?? 'auto', onProgress);
  const hashes = new FileHashes({ home, onProgress });
  // Tensors that are not as they should be are named before anything long begins.
  const check = () => {
    for (const stage of stages) graphOf(opened, stage, stageFormat(stage, weights));
  };
  if (!(await checkpoint.isFingerprintKnown(hashes))) check();
  const fingerprint = await checkpoint.fingerprint(hashes);
  const task = { home, checkpoint, fingerprint, compilerVersion: COMPILER_VERSION, onProgress };
  const graphs: Partial<Record<Stage, { graphPath: string }>> = {};
  for (const stage of stages) {
    const format = stageFormat(stage, weights);
    const compile = async (target: string) => {
      check();
      await saveGraph(opened, stage, format, target, onProgress);
    };
    const folder = await compiledFolder({ ...task, stage, weights: format, compile });
    graphs[stage] = { graphPath: join(folder, GRAPH_FILE) };
  }
  const { imageToken, expandImage } = opened;
  const vision = { ...opened.vision, ...graphs.vision };
  const language = { ...opened.language, ...graphs.language };
  const common = { id: checkpoint.id, fingerprint, family, weights, checkpoint, imageToken, expandImage };
  // Which stages have a path is what S says, in a way that the compiler cannot follow.
  return { ...common, vision, language } as LoadedModel<S>;
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

async function openFamily(checkpoint: Checkpoint): Promise<{ family: string; opened: FamilyModel }> {
  const family = await findFamily(checkpoint);
  return { family: family.name, opened: await family.open(checkpoint) };
}

async function formatOf(
  checkpoint: Checkpoint,
  weights: WeightsSetting,
  onProgress: (message: string) => void,
): Promise<WeightFormat> {
  if (weights !== 'auto') return weights;
  const { format, reason } = chooseWeights(checkpoint.weights.size(), await thisMachine());
  onProgress(`Weights of ${checkpoint.id}: ${format}, because ${reason}.`);
  return format;
}

function graphOf(model: FamilyModel, stage: Stage, weights: WeightFormat): GraphBuilder {
  const graph = stage === 'vision' ? model.visionGraph(weights) : model.languageGraph(weights);
  assert.equal(graph.weights, weights, `weights of the ${stage} graph`);
  return graph;
}

async function saveGraph(
  model: FamilyModel,
  stage: Stage,
  weights: WeightFormat,
  folder: string,
  onProgress: (message: string) => void,
): Promise<void> {
  const report = percentLines(`compiling ${stage}`, onProgress);
  await graphOf(model, stage, weights).save(folder, {
    onProgress: ({ doneBytes, totalBytes, resumedBytes }) =>
      report({ done: doneBytes, total: totalBytes, before: resumedBytes }),
  });
}
