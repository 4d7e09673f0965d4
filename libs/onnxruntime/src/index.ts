export { type KernelFunctions, kernelFunctions, type Pointer } from './api.ts';
export type { Binding } from './binding.ts';
export type { ElementType, TensorData } from './element-type.ts';
export { type LogLevel, setLogLevel } from './environment.ts';
export type { Operator } from './operator.ts';
export { Session } from './session.ts';
export type { SessionOptions } from './session-options.ts';
export { Tensor } from './tensor.ts';
export type { ValueInfo } from './value-info.ts';
