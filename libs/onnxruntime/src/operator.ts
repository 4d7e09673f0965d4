import assert from 'node:assert/strict';
import {
  assemble,
  at,
  type Code,
  constant,
  Label,
  lea,
  load32,
  loadCode,
  loadData,
  mov,
  rax,
  rcx,
  ret,
  rsi,
} from '@diptych/machine-code';
import { api, type Pointer } from './api.ts';
import { type ElementType, elementTypeCode } from './element-type.ts';
import { check, create } from './status.ts';

/** An operator of a graph that runs code of ours. */
export interface Operator {
  /** Name of the operator in the graph, and the domain that it belongs to. */
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly ElementType[];
  readonly outputs: readonly ElementType[];
  /**
   * Address of `OrtStatus *compute(void *, OrtKernelContext *)`, which is called on a thread of the session's and may
   * run several times at once.
   */
  readonly compute: Pointer;
}

/**
 * Makes operators known to a session that is about to be created. Code and structures stay as long as the process: a
 * process has few operators, and ONNX Runtime keeps no count of who uses them.
 */
export function addOperators(sessionOptions: Pointer, operators: readonly Operator[]): void {
  for (const [name, members] of Map.groupBy(operators, ({ domain }) => domain))
    check(api().addCustomOpDomain(sessionOptions, domainOf(name, members)));
}

const domains = new Map<string, Pointer>();

function domainOf(name: string, operators: readonly Operator[]): Pointer {
  const key = [name, ...operators.map((operator) => operator.name)].join(' ');
  const known = domains.get(key);
  if (known !== undefined) return known;
  const domain = create((out) => api().createCustomOpDomain(name, out));
  for (const operator of operators) check(api().customOpDomainAdd(domain, structureOf(operator)));
  domains.set(key, domain);
  return domain;
}

/**
 * Version of `struct OrtCustomOp` that is written: the first whose functions answer with a status. Later fields are
 * not read.
 */
const STRUCTURE_VERSION = 16;

/** `ORT_API_VERSION` 23 gives the structure so many bytes; fields that are not set stay null. */
const STRUCTURE_BYTES = 208;

/** Offsets in `struct OrtCustomOp` of onnxruntime_c_api.h. */
const FIELDS = {
  getName: 16,
  getExecutionProviderType: 24,
  getInputType: 32,
  getInputTypeCount: 40,
  getOutputType: 48,
  getOutputTypeCount: 56,
  kernelDestroy: 72,
  getInputCharacteristic: 80,
  getOutputCharacteristic: 88,
  getInputMemoryType: 96,
  getVariadicInputMinArity: 104,
  getVariadicInputHomogeneity: 112,
  getVariadicOutputMinArity: 120,
  getVariadicOutputHomogeneity: 128,
  createKernelV2: 136,
} as const;

const KERNEL_COMPUTE = 144;

/** What ONNX Runtime asks of an operator, as functions that answer with constants. */
function structureOf({ name, inputs, outputs, compute }: Operator): Pointer {
  const functions: Record<keyof typeof FIELDS, Code> = {
    getName: answerText(name),
    getExecutionProviderType: answerText('CPUExecutionProvider'),
    getInputType: answerByIndex(inputs.map(elementTypeCode)),
    getInputTypeCount: answer(inputs.length),
    getOutputType: answerByIndex(outputs.map(elementTypeCode)),
    getOutputTypeCount: answer(outputs.length),
    kernelDestroy: ret(),
    getInputCharacteristic: answer(REQUIRED),
    getOutputCharacteristic: answer(REQUIRED),
    getInputMemoryType: answer(DEFAULT_MEMORY),
    getVariadicInputMinArity: answer(0),
    getVariadicInputHomogeneity: answer(0),
    getVariadicOutputMinArity: answer(0),
    getVariadicOutputHomogeneity: answer(0),
    createKernelV2: createKernel(),
  };
  const labels = new Map(Object.keys(functions).map((field) => [field, new Label()]));
  const code = loadCode(
    assemble(Object.entries(functions).map(([field, body]) => [labels.get(field) ?? [], body])),
  );
  const structure = new DataView(new ArrayBuffer(STRUCTURE_BYTES));
  structure.setUint32(0, STRUCTURE_VERSION, true);
  for (const [field, offset] of Object.entries(FIELDS)) {
    const label = labels.get(field);
    assert.ok(label);
    structure.setBigUint64(offset, code.addressOf(label), true);
  }
  structure.setBigUint64(KERNEL_COMPUTE, compute, true);
  return loadData(new Uint8Array(structure.buffer));
}

/** OrtCustomOpInputOutputCharacteristic. */
const REQUIRED = 0;

/** OrtMemTypeDefault. */
const DEFAULT_MEMORY = 0;

function answer(value: number): Code {
  return [mov(rax, value), ret()];
}

function answerText(text: string): Code {
  return [lea(rax, constant(Buffer.from(`${text}\0`))), ret()];
}

/** `f(operator, index)`. */
function answerByIndex(values: readonly number[]): Code {
  const table = constant(new Uint8Array(Int32Array.from(values).buffer));
  return [lea(rax, table), load32(rax, at(rax, 0, { index: rsi, scale: 4 })), ret()];
}

/** `f(operator, api, info, kernel)`: an operator has no state, so any address but null stands for its kernel. */
function createKernel(): Code {
  return [mov(rax, 1), mov(at(rcx), rax), mov(rax, 0), ret()];
}
