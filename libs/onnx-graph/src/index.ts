export type { Attributes, AttributeValue } from './attributes.ts';
export { byteSize, bytesOf, type ElementType, type TensorData } from './element-type.ts';
export { GraphBuilder, type OpOptions, type Outputs, type OutputType } from './graph-builder.ts';
export { GRAPH_FILE, WEIGHTS_FILE } from './save-model.ts';
export { Value } from './value.ts';
export type { Shape } from './value-info.ts';
