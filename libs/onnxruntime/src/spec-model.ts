import { type ElementType, elementTypeCode } from './element-type.ts';

/** An input or output of a graph; a dimension that is open is a name. */
export interface SpecValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/** One operator, with integer attributes only. An input that is left out is an empty name. */
export interface SpecNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, number>>;
}

/** A graph for specs: so small that this encoder does, and the specs of the graph builder may use this package. */
export interface SpecGraph {
  readonly inputs: readonly SpecValue[];
  readonly outputs: readonly SpecValue[];
  readonly nodes: readonly SpecNode[];
  /** A float32 weight that lies in a file beside the model. */
  readonly externalWeight?: {
    readonly name: string;
    readonly shape: readonly number[];
    readonly file: string;
  };
}

/** The bytes of a ModelProto (field numbers from onnx.proto, IR version 10, opset 21). */
export function encodeModel(graph: SpecGraph): Uint8Array {
  return Buffer.concat([
    field(1, 10),
    field(7, graphProto(graph)),
    field(8, Buffer.concat([field(1, ''), field(2, 21)])),
    field(8, Buffer.concat([field(1, 'com.microsoft'), field(2, 1)])),
  ]);
}

function graphProto({ inputs, outputs, nodes, externalWeight }: SpecGraph): Uint8Array {
  return Buffer.concat([
    ...nodes.map((node) => field(1, nodeProto(node))),
    field(2, 'spec'),
    ...(externalWeight === undefined ? [] : [field(5, tensorProto(externalWeight))]),
    ...inputs.map((input) => field(11, valueInfo(input))),
    ...outputs.map((output) => field(12, valueInfo(output))),
  ]);
}

function nodeProto({ op, inputs, outputs, domain = '', attributes = {} }: SpecNode): Uint8Array {
  const INT = 2;
  return Buffer.concat([
    ...inputs.map((name) => field(1, name)),
    ...outputs.map((name) => field(2, name)),
    field(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      field(5, Buffer.concat([field(1, name), field(3, value), field(20, INT)])),
    ),
    field(7, domain),
  ]);
}

function tensorProto({ name, shape, file }: NonNullable<SpecGraph['externalWeight']>): Uint8Array {
  const EXTERNAL = 1;
  return Buffer.concat([
    ...shape.map((size) => field(1, size)),
    field(2, elementTypeCode('float32')),
    field(8, name),
    field(13, Buffer.concat([field(1, 'location'), field(2, file)])),
    field(14, EXTERNAL),
  ]);
}

function valueInfo({ name, type, shape }: SpecValue): Uint8Array {
  const dimensions = shape.map((size) => field(1, field(typeof size === 'number' ? 1 : 2, size)));
  const tensor = Buffer.concat([field(1, elementTypeCode(type)), field(2, Buffer.concat(dimensions))]);
  return Buffer.concat([field(1, name), field(2, field(1, tensor))]);
}

/** One protobuf field: a number as varint, text or a message with its length. */
function field(number: number, value: number | string | Uint8Array): Uint8Array {
  const VARINT = 0;
  const LENGTH_DELIMITED = 2;
  if (typeof value === 'number') return Buffer.concat([varint(number * 8 + VARINT), varint(value)]);
  const content = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + LENGTH_DELIMITED), varint(content.length), content]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
