import { join } from 'node:path';
import { loadModel, WEIGHT_CHOICES, type WeightsSetting } from '@diptych/models';
import { Prompts } from './prompts.ts';
import type { Shape } from './shapes/shape.ts';
import { Embedded } from './targets/embedded.ts';
import { OurServices } from './targets/services.ts';
import { CLIENTS, type Sizes } from './workloads/sizes.ts';
import { writeCheckpoint } from './write-checkpoint.ts';

/** What to run. */
export interface BenchOptions {
  readonly shape: Shape;
  readonly sizes: Sizes;
  /** Folder of the bench's files: checkpoints, exports, compiled models, the last run. */
  readonly home: string;
  /** Value of `--weights` for our services. */
  readonly weights: string;
  /** Whether the peers are measured too. */
  readonly peers: boolean;
  readonly onProgress: (message: string) => void;
}

/** A run that is prepared: nothing of a checkpoint or a compile is left to be measured. */
export interface BenchRun extends BenchOptions {
  /** Folder that goes with the run. */
  readonly scratch: string;
  readonly checkpointFolder: string;
  /** Folder of compiled models. */
  readonly compiledHome: string;
  readonly prompts: Prompts;
  /** What `weights` has become. */
  readonly chosenWeights: string;
  /** The compiled language graph. */
  readonly graphPath: string;
}

/** Slots of our services: one for each of the most clients. */
const SLOTS = Math.max(...CLIENTS);

/** Writes the checkpoint and compiles it, where that was not done before. */
export async function prepareRun(options: BenchOptions, scratch: string): Promise<BenchRun> {
  const { shape, home, weights, onProgress } = options;
  const checkpointFolder = await writeCheckpoint({ home, shape, onProgress });
  const compiledHome = join(home, 'models');
  const model = await loadModel({
    checkpointFolder,
    home: compiledHome,
    weights: weightsSetting(weights),
    onProgress,
  });
  return {
    ...options,
    scratch,
    checkpointFolder,
    compiledHome,
    prompts: await Prompts.of(checkpointFolder, join(scratch, 'images')),
    chosenWeights: model.weights,
    graphPath: model.language.graphPath,
  };
}

function weightsSetting(text: string): WeightsSetting {
  const setting = WEIGHT_CHOICES.find((choice) => choice === text);
  if (setting) return setting;
  throw new Error(`--weights must be one of ${WEIGHT_CHOICES.join(', ')}, got "${text}"`);
}

/** Starts the three services for a run. The caller stops them. */
export function startOurs(run: BenchRun): Promise<OurServices> {
  const { checkpointFolder, shape, compiledHome, weights, scratch, sizes } = run;
  return OurServices.start({
    checkpointFolder,
    modelName: shape.name,
    home: compiledHome,
    weights,
    scratch,
    slots: SLOTS,
    context: sizes.context,
  });
}

/** Opens the model in a process of its own. The caller stops it. */
export function startEmbedded(run: BenchRun): Promise<Embedded> {
  const { checkpointFolder, compiledHome, weights, sizes } = run;
  return Embedded.start({
    checkpointFolder,
    home: compiledHome,
    weights,
    slots: SLOTS,
    context: sizes.context,
  });
}
