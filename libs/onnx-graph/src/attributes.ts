import assert from 'node:assert/strict';
import { create, isMessage, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from './gen/onnx_pb.js';

/**
 * Value of an operator's attribute. ONNX tells integers from floats, JavaScript does not: a plain number is an
 * integer, `{ float: 1 }` is a float.
 */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | TensorProto;

/** Attributes by name; those that are undefined are left out. */
export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** The attributes as ONNX messages. */
export function attributeProtos(attributes: Attributes): AttributeProto[] {
  return Object.entries(attributes).flatMap(([name, value]) =>
    value === undefined ? [] : [create(AttributeProtoSchema, { name, ...attributeFields(value) })],
  );
}

function attributeFields(value: AttributeValue): MessageInitShape<typeof AttributeProtoSchema> {
  const type = AttributeProto_AttributeType;
  if (typeof value === 'number') return { type: type.INT, i: integer(value) };
  if (isMessage(value, TensorProtoSchema)) return { type: type.TENSOR, t: value };
  if (typeof value === 'string') return { type: type.STRING, s: new TextEncoder().encode(value) };
  if ('float' in value) return { type: type.FLOAT, f: value.float };
  if ('floats' in value) return { type: type.FLOATS, floats: [...value.floats] };
  return { type: type.INTS, ints: value.map(integer) };
}

function integer(value: number): bigint {
  assert.ok(Number.isSafeInteger(value), `${value} is not an integer; write { float: ${value} } for a float`);
  return BigInt(value);
}
