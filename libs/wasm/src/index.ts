export { type Kernel, KernelMemory, KernelModule } from './kernel-memory.ts';
export {
  type Code,
  f32,
  f32x4,
  f64,
  f64x2,
  i8x16,
  i16x8,
  i32,
  i32x4,
  i64x2,
  type Local,
  repeatWhile,
  v128,
} from './wasm-code.ts';
export { type Constant, defineFunction } from './wasm-module.ts';
