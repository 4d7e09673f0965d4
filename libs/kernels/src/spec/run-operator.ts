import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Operator, Session, Tensor } from '@diptych/onnxruntime';
import { makeOperator, OPERATOR_DOMAIN, type OperatorCode } from '../operator-code.ts';

/** A value that an operator is given or fills. */
export interface SpecTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** What an operator is run with. */
export interface SpecRun {
  /** Optional ones of ONNX Runtime's operators may be left out. */
  readonly inputs: readonly (SpecTensor | undefined)[];
  readonly outputs: readonly (SpecTensor | undefined)[];
  readonly threads?: number;
}

/** Runs an operator alone in a graph. Outputs are filled where they are given; those that are undefined are left to it. */
export async function runOperator(code: OperatorCode, run: SpecRun): Promise<void> {
  await runNode({ name: code.name, domain: OPERATOR_DOMAIN, operators: [makeOperator(code)] }, run);
}

/** An operator of a graph, with whole numbers as attributes. */
interface SpecNode {
  readonly name: string;
  readonly domain: string;
  readonly attributes?: Readonly<Record<string, number>>;
  readonly operators?: readonly Operator[];
}

/** Runs any operator alone in a graph, also one of ONNX Runtime's. */
export async function runNode(
  { operators = [], ...node }: SpecNode,
  { inputs, outputs, threads = 2 }: SpecRun,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-operator-'));
  try {
    const path = join(folder, 'model.onnx');
    await writeFile(path, encodeModel(node, inputs, outputs));
    using session = await Session.load(path, { intraOpThreads: threads, operators });
    using scope = new DisposableStack();
    using binding = session.createBinding();
    for (const [index, tensor] of inputs.entries())
      if (tensor) binding.bindInput(`x${index}`, scope.use(over(tensor)));
    for (const [index, tensor] of outputs.entries())
      if (tensor) binding.bindOutput(`y${index}`, scope.use(over(tensor)));
    await session.run(binding);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function over({ shape, data }: SpecTensor): Tensor {
  return Tensor.over(typeOf(data), shape, data);
}

function typeOf(data: SpecTensor['data']): 'float32' | 'int32' | 'uint8' {
  if (data instanceof Float32Array) return 'float32';
  return data instanceof Int32Array ? 'int32' : 'uint8';
}

/** TensorProto.DataType. */
const ELEMENT = { float32: 1, uint8: 2, int32: 6 } as const;

/** A ModelProto of one node (field numbers of onnx.proto). */
function encodeModel(
  { name, domain, attributes = {} }: SpecNode,
  inputs: SpecRun['inputs'],
  outputs: readonly (SpecTensor | undefined)[],
): Uint8Array {
  const value = (kind: 'x' | 'y', index: number, tensor: SpecTensor) => {
    const dimensions = tensor.shape.map((size) => field(1, field(1, size)));
    const type = Buffer.concat([field(1, ELEMENT[typeOf(tensor.data)]), field(2, Buffer.concat(dimensions))]);
    return Buffer.concat([field(1, `${kind}${index}`), field(2, field(1, type))]);
  };
  const node = Buffer.concat([
    ...inputs.map((tensor, index) => field(1, tensor ? `x${index}` : '')),
    ...outputs.map((_, index) => field(2, `y${index}`)),
    field(4, name),
    ...Object.entries(attributes).map(([key, value]) => field(5, attribute(key, value))),
    field(7, domain),
  ]);
  const graph = Buffer.concat([
    field(1, node),
    field(2, 'spec'),
    ...inputs.flatMap((tensor, index) => (tensor ? [field(11, value('x', index, tensor))] : [])),
    ...outputs.flatMap((tensor, index) => (tensor ? [field(12, value('y', index, tensor))] : [])),
  ]);
  const set = (name: string, version: number) => field(8, Buffer.concat([field(1, name), field(2, version)]));
  return Buffer.concat([field(1, 10), field(7, graph), set('', 21), set(domain, 1)]);
}

/** An AttributeProto of an integer. */
function attribute(name: string, value: number): Uint8Array {
  const INT = 2;
  return Buffer.concat([field(1, name), field(3, value), field(20, INT)]);
}

/** One protobuf field: a number as varint, text or a message with its length. */
function field(number: number, value: number | string | Uint8Array): Uint8Array {
  if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)]);
  const content = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
