export type { Attributes, AttributeValue } from './attributes.ts';
export { activation } from './blocks/activation.ts';
export { type CachedAttentionOptions, cachedAttention } from './blocks/cached-attention.ts';
export { embedding, head } from './blocks/embedding.ts';
export { floatWeight } from './blocks/float-weight.ts';
export { type GatedMlpOptions, gatedMlp } from './blocks/gated-mlp.ts';
export {
  type GroupQueryAttention,
  type GroupQueryAttentionOptions,
  groupQueryAttention,
} from './blocks/group-query-attention.ts';
export { type LayerNormOptions, layerNorm } from './blocks/layer-norm.ts';
export { type LinearOptions, type LinearWeights, linear } from './blocks/linear.ts';
export { type MultiHeadAttentionOptions, multiHeadAttention } from './blocks/multi-head-attention.ts';
export { type PackedPart, packedLinear } from './blocks/packed-linear.ts';
export { type RmsNormOptions, rmsNorm, skipRmsNorm } from './blocks/rms-norm.ts';
export type { RopeScaling, RotaryCaches, RotaryOptions } from './blocks/rotary-caches.ts';
export { type RotaryEmbedding, rotaryEmbedding } from './blocks/rotary-embedding.ts';
export { type TowerAttentionOptions, towerAttention } from './blocks/tower-attention.ts';
export { bytesOf, type ElementType, type TensorData } from './element-type.ts';
export { GraphBuilder, type OpOptions, type Outputs, type OutputType } from './graph-builder.ts';
export { GRAPH_FILE, operatorsOf } from './save-model.ts';
export { Value } from './value.ts';
export type { Shape } from './value-info.ts';
export type { EncodedOutput, Encoding, RowChunk } from './weights/encoding.ts';
export type { EncodingName } from './weights/encodings.ts';
export { WEIGHT_FORMATS, type WeightFormat } from './weights/weight-format.ts';
export { type FloatDtype, stackRows, type TensorPart, type WeightSource } from './weights/weight-source.ts';
export type { OnProgress, SaveProgress } from './weights/write-weights.ts';
