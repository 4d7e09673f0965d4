import { DiptychError } from '@diptych/errors';

/** Type of a tensor's elements, by its name in NumPy. */
export type ElementType = 'float32' | 'float16' | 'int64' | 'int32' | 'int8' | 'uint8' | 'bool';

/** A typed array that can hold a tensor's elements. float16 is kept as its bits, bool as 0 and 1. */
export type TensorData = Float32Array | Uint16Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;

interface ElementTypeRow {
  /** Member of ONNXTensorElementDataType. */
  readonly code: number;
  readonly array: new (length: number) => TensorData;
}

const ELEMENT_TYPES: Readonly<Record<ElementType, ElementTypeRow>> = {
  float32: { code: 1, array: Float32Array },
  uint8: { code: 2, array: Uint8Array },
  int8: { code: 3, array: Int8Array },
  int32: { code: 6, array: Int32Array },
  int64: { code: 7, array: BigInt64Array },
  bool: { code: 9, array: Uint8Array },
  float16: { code: 10, array: Uint16Array },
};

/** ONNXTensorElementDataType of a type. */
export function elementTypeCode(type: ElementType): number {
  return ELEMENT_TYPES[type].code;
}

/**
 * The type of an ONNXTensorElementDataType.
 *
 * @throws DiptychError `runtime_failed` for types that Diptych's graphs never use.
 */
export function elementTypeOf(code: number): ElementType {
  for (const type of elementTypes()) if (ELEMENT_TYPES[type].code === code) return type;
  throw new DiptychError('runtime_failed', `Tensors of ONNX element type ${code} are not supported.`);
}

/** A zeroed array for `length` elements of a type. */
export function allocateElements(type: ElementType, length: number): TensorData {
  return new ELEMENT_TYPES[type].array(length);
}

/** Whether an array is of the kind that holds a type. */
export function holdsType(data: TensorData, type: ElementType): boolean {
  return data instanceof ELEMENT_TYPES[type].array;
}

function elementTypes(): readonly ElementType[] {
  return ['float32', 'float16', 'int64', 'int32', 'int8', 'uint8', 'bool'];
}
