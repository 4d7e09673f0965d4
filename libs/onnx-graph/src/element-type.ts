import assert from 'node:assert/strict';
import { TensorProto_DataType } from './gen/onnx_pb.js';

/** Element type of a tensor. float16 elements are handled as their bits, in a Uint16Array. */
export type ElementType = 'float32' | 'float16' | 'int64' | 'int32' | 'int8' | 'uint8' | 'bool';

/** Memory of a tensor, row-major; which class belongs to which element type is told by `ELEMENTS`. */
export type TensorData = Float32Array | Uint16Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;

/** For each element type its number in ONNX, its size in bytes and the conversion of plain numbers. */
export const ELEMENTS = {
  float32: { onnx: TensorProto_DataType.FLOAT, bytes: 4, from: (values) => Float32Array.from(values) },
  float16: { onnx: TensorProto_DataType.FLOAT16, bytes: 2, from: halfBits },
  int64: { onnx: TensorProto_DataType.INT64, bytes: 8, from: (values) => BigInt64Array.from(values, BigInt) },
  int32: { onnx: TensorProto_DataType.INT32, bytes: 4, from: (values) => Int32Array.from(values) },
  int8: { onnx: TensorProto_DataType.INT8, bytes: 1, from: (values) => Int8Array.from(values) },
  uint8: { onnx: TensorProto_DataType.UINT8, bytes: 1, from: (values) => Uint8Array.from(values) },
  bool: { onnx: TensorProto_DataType.BOOL, bytes: 1, from: (values) => Uint8Array.from(values) },
} as const satisfies Record<ElementType, ElementInfo>;

interface ElementInfo {
  readonly onnx: TensorProto_DataType;
  readonly bytes: number;
  readonly from: (values: readonly number[]) => TensorData;
}

/** Size in bytes of a tensor of this type and shape. */
export function byteSize(type: ElementType, shape: readonly number[]): number {
  return shape.reduce((size, dimension) => size * dimension, ELEMENTS[type].bytes);
}

/** The bytes of a typed array, without a copy. ONNX stores them little-endian, as every host of ours does. */
export function bytesOf(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function halfBits(): never {
  assert.fail('a float16 constant is given as its bits, in a Uint16Array');
}
