export { Checkpoint, openCheckpoint } from './checkpoint.ts';
export type { CheckpointWeights } from './checkpoint-weights.ts';
export type { Dtype } from './dtype.ts';
export { parseConfig } from './parse-config.ts';
export { SafetensorsFile, type TensorInfo } from './safetensors-file.ts';
