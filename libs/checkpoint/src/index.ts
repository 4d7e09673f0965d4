export { Checkpoint, openCheckpoint } from './checkpoint.ts';
export type { CheckpointWeights } from './checkpoint-weights.ts';
export { type CompiledFolderOptions, compiledFolder } from './compiled-folder.ts';
export type { Dtype } from './dtype.ts';
export { defaultHome } from './home.ts';
export { MANIFEST_FILE } from './manifest.ts';
export { parseConfig } from './parse-config.ts';
export { SafetensorsFile, type TensorInfo } from './safetensors-file.ts';
