export type { Attributes, AttributeValue } from './attributes.ts';
export { activation } from './blocks/activation.ts';
export { type GatedMlpOptions, gatedMlp } from './blocks/gated-mlp.ts';
export {
  type GroupQueryAttention,
  type GroupQueryAttentionOptions,
  groupQueryAttention,
} from './blocks/group-query-attention.ts';
export { type LayerNormOptions, layerNorm } from './blocks/layer-norm.ts';
export { type LinearWeights, linear, type WeightFormat } from './blocks/linear.ts';
export { type MultiHeadAttentionOptions, multiHeadAttention } from './blocks/multi-head-attention.ts';
export { type RmsNormOptions, rmsNorm, skipRmsNorm } from './blocks/rms-norm.ts';
export type { RopeScaling, RotaryCaches, RotaryOptions } from './blocks/rotary-caches.ts';
export { type RotaryEmbedding, rotaryEmbedding } from './blocks/rotary-embedding.ts';
export { floatWeight, stackRows, type WeightSource } from './blocks/weight-source.ts';
export { bytesOf, type ElementType, type TensorData } from './element-type.ts';
export { GraphBuilder, type OpOptions, type Outputs, type OutputType } from './graph-builder.ts';
export { GRAPH_FILE } from './save-model.ts';
export { Value } from './value.ts';
export type { Shape } from './value-info.ts';
