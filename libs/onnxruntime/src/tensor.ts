import { DiptychError } from '@diptych/errors';
import koffi from 'koffi';
import { api, type Pointer } from './api.ts';
import {
  allocateElements,
  type ElementType,
  elementTypeCode,
  holdsType,
  type TensorData,
} from './element-type.ts';
import { memoryInfo } from './memory-info.ts';
import { NativeHandle } from './native-handle.ts';
import { create } from './status.ts';

/** A tensor of no elements has no memory, and ONNX Runtime still wants an address that is not null. */
const PLACEHOLDER = new Uint8Array(64);

/**
 * A tensor whose memory is a typed array: what a session writes appears in the array, and the other way round,
 * without a copy.
 *
 * The array stays referenced while the tensor or a binding that holds it does. It must not be transferred to another
 * thread, which would take its memory away.
 */
export class Tensor implements Disposable {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: TensorData;
  readonly #value: NativeHandle;

  private constructor(type: ElementType, shape: readonly number[], data: TensorData) {
    this.type = type;
    this.shape = [...shape];
    this.data = data;
    this.#value = new NativeHandle('tensor', createValue(type, shape, data), (value) =>
      api().releaseValue(value),
    );
  }

  /**
   * A tensor over the caller's array, which may be a view at an offset of a larger buffer. Row-major, without gaps.
   *
   * @throws DiptychError `runtime_failed` where array and type or shape do not fit.
   */
  static over(type: ElementType, shape: readonly number[], data: TensorData): Tensor {
    if (!holdsType(data, type)) throw misfit(`A tensor of ${type} cannot lie in a ${data.constructor.name}.`);
    const elements = countElements(shape);
    if (elements !== data.length)
      throw misfit(`Shape [${shape.join(', ')}] has ${elements} elements, the array ${data.length}.`);
    return new Tensor(type, shape, data);
  }

  /** A tensor over a new zeroed array of its own. */
  static allocate(type: ElementType, shape: readonly number[]): Tensor {
    return new Tensor(type, shape, allocateElements(type, countElements(shape)));
  }

  /**
   * Address of the OrtValue.
   *
   * @throws DiptychError `runtime_failed` after disposal.
   */
  get pointer(): Pointer {
    return this.#value.pointer;
  }

  /** @throws DiptychError `runtime_failed` after disposal. */
  assertUsable(): void {
    this.#value.assertUsable();
  }

  /** Releases the native tensor. The array is the garbage collector's. */
  [Symbol.dispose](): void {
    this.#value[Symbol.dispose]();
  }
}

function createValue(type: ElementType, shape: readonly number[], data: TensorData): Pointer {
  const dimensions = BigInt64Array.from(shape, BigInt);
  const address = koffi.address(data.length === 0 ? PLACEHOLDER : data);
  return create((out) =>
    api().createTensorWithDataAsOrtValue(
      memoryInfo('Cpu'),
      address,
      data.byteLength,
      dimensions,
      dimensions.length,
      elementTypeCode(type),
      out,
    ),
  );
}

function countElements(shape: readonly number[]): number {
  const elements = shape.reduce((product, size) => product * size, 1);
  const valid =
    shape.every((size) => Number.isSafeInteger(size) && size >= 0) && Number.isSafeInteger(elements);
  if (!valid) throw misfit(`[${shape.join(', ')}] is not the shape of a tensor.`);
  return elements;
}

function misfit(message: string): DiptychError {
  return new DiptychError('runtime_failed', message);
}
