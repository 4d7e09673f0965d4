export { type Assembly, assemble } from './assemble.ts';
export { type Code, type Instruction, Label, type Masking } from './encoding.ts';
export { type LoadedCode, loadCode, loadData, requestTiles } from './executable-memory.ts';
export * from './general-instructions.ts';
export {
  at,
  broadcast,
  constant,
  everywhere,
  floats,
  type General,
  integers,
  k,
  type Mask,
  type Memory,
  r8,
  r9,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
  type Tile,
  tmm,
  type Vector,
  xmm,
  ymm,
  zmm,
} from './operands.ts';
export * from './tile-instructions.ts';
export * from './vector-instructions.ts';
