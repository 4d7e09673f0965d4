export { Checkpoint, openCheckpoint } from './checkpoint.ts';
export type { CheckpointWeights } from './checkpoint-weights.ts';
export { type CompiledFolderOptions, compiledFolder } from './compiled-folder.ts';
export { defaultHome } from './home.ts';
export { parseConfig } from './parse-config.ts';
export type { TensorLocation } from './safetensors-file.ts';
