import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** What is asked of an ONNX graph here. */
export interface GraphDigest {
  readonly nodes: readonly { readonly op: string; readonly inputs: readonly string[] }[];
  /** Initializers whose elements lie outside of the graph, with their bytes. */
  readonly weights: readonly { readonly name: string; readonly bytes: number }[];
  readonly inputs: readonly GraphInput[];
}

/** An input of the graph: the product of its dimensions that are numbers, and the bytes of an element. */
export interface GraphInput {
  readonly name: string;
  readonly elementBytes: number;
  readonly fixedElements: number;
}

/** Reads nodes, weights and inputs of an ONNX model by the field numbers of onnx.proto. */
export function readGraph(model: Uint8Array): GraphDigest {
  const graph = fields(last(fields(model), MODEL.graph));
  return {
    nodes: all(graph, GRAPH.node).map((bytes) => {
      const node = fields(bytes);
      return { op: text(last(node, NODE.op)), inputs: all(node, NODE.input).map(text) };
    }),
    weights: all(graph, GRAPH.initializer).map((bytes) => {
      const tensor = fields(bytes);
      return { name: text(last(tensor, TENSOR.name)), bytes: externalLength(tensor) };
    }),
    inputs: all(graph, GRAPH.input).map(readInput),
  };
}

const MODEL = { graph: 7 };
const GRAPH = { node: 1, initializer: 5, input: 11 };
const NODE = { input: 1, op: 4 };
const TENSOR = { name: 8, external: 13 };
const ENTRY = { key: 1, value: 2 };
const VALUE_INFO = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR_TYPE = { element: 1, shape: 2 };
const SHAPE = { dimension: 1 };
const DIMENSION = { value: 1 };

/** Bytes of TensorProto.DataType: float, uint8, int8, int32, int64, float16, bfloat16. */
const ELEMENT_BYTES: Readonly<Record<number, number>> = { 1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 10: 2, 16: 2 };

type Field = Uint8Array | number;
type Fields = ReadonlyMap<number, readonly Field[]>;

/** A message's fields by number: bytes of those with a length, values of integers. */
function fields(message: Field): Fields {
  const found = new Map<number, Field[]>();
  if (typeof message === 'number') return found;
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const value = readField(reader, number, wireType);
    if (value === undefined) continue;
    const values = found.get(number) ?? [];
    values.push(value);
    found.set(number, values);
  }
  return found;
}

function readField(reader: BinaryReader, number: number, wireType: WireType): Field | undefined {
  if (wireType === WireType.Varint) return Number(reader.int64());
  if (wireType === WireType.LengthDelimited) return reader.bytes();
  reader.skip(wireType, number);
  return undefined;
}

function all(message: Fields, number: number): readonly Field[] {
  return message.get(number) ?? [];
}

function last(message: Fields, number: number): Field {
  return all(message, number).at(-1) ?? new Uint8Array();
}

function text(field: Field): string {
  return typeof field === 'number' ? '' : Buffer.from(field).toString();
}

function externalLength(tensor: Fields): number {
  const entries = all(tensor, TENSOR.external).map(fields);
  const length = entries.find((entry) => text(last(entry, ENTRY.key)) === 'length');
  return length ? Number(text(last(length, ENTRY.value))) : 0;
}

function readInput(bytes: Field): GraphInput {
  const input = fields(bytes);
  const type = fields(last(fields(last(input, VALUE_INFO.type)), TYPE.tensor));
  const element = last(type, TENSOR_TYPE.element);
  const dimensions = all(fields(last(type, TENSOR_TYPE.shape)), SHAPE.dimension).map(fields);
  return {
    name: text(last(input, VALUE_INFO.name)),
    elementBytes: (typeof element === 'number' && ELEMENT_BYTES[element]) || 0,
    fixedElements: dimensions.reduce((product, dimension) => product * fixedSize(dimension), 1),
  };
}

function fixedSize(dimension: Fields): number {
  const size = last(dimension, DIMENSION.value);
  return typeof size === 'number' ? size : 1;
}
