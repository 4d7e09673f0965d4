export { Checkpoint, openCheckpoint } from './checkpoint.ts';
export type { CheckpointWeights } from './checkpoint-weights.ts';
export { type CompiledFolderOptions, compiledFolder, isCompiled } from './compiled-folder.ts';
export { FileHashes, type FileHashesOptions } from './file-hashes.ts';
export { defaultHome } from './home.ts';
export { type CachedModel, listCachedModels } from './hub/cached-models.ts';
export { type HubSettings, readHubSettings } from './hub/hub-settings.ts';
export { type LocateOptions, locateCheckpoint } from './hub/locate-checkpoint.ts';
export { type PulledModel, type PullOptions, pullModel } from './hub/pull-model.ts';
export {
  asLines,
  describeBytes,
  describeProgress,
  type PullListener,
  type PullProgress,
} from './hub/pull-progress.ts';
export { parseReference, type RepositoryReference } from './hub/repository.ts';
export { parseConfig } from './parse-config.ts';
export { percentLines, type Share } from './percent-line.ts';
export type { TensorLocation } from './safetensors-file.ts';
