import { DiptychError } from '@diptych/errors';
import koffi from 'koffi';
import { api, type NumberCell, type Pointer, type PointerCell } from './api.ts';
import { type ElementType, elementTypeOf } from './element-type.ts';
import { NativeHandle } from './native-handle.ts';
import { check, create } from './status.ts';

/** Name, type and shape of an input or output. */
export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  /** Sizes; a dimension that is open is its name in the graph, or empty where it has none. */
  readonly shape: readonly (number | string)[];
}

/** The inputs of a session, in the graph's order. */
export function readInputs(session: Pointer): ValueInfo[] {
  return range(count(session, api().sessionGetInputCount)).map((index) => ({
    name: readName((allocator, out) => api().sessionGetInputName(session, index, allocator, out)),
    ...readType((out) => api().sessionGetInputTypeInfo(session, index, out)),
  }));
}

/** The outputs of a session, in the graph's order. */
export function readOutputs(session: Pointer): ValueInfo[] {
  return range(count(session, api().sessionGetOutputCount)).map((index) => ({
    name: readName((allocator, out) => api().sessionGetOutputName(session, index, allocator, out)),
    ...readType((out) => api().sessionGetOutputTypeInfo(session, index, out)),
  }));
}

function readName(get: (allocator: Pointer, out: PointerCell) => Pointer | null): string {
  const allocator = create((out) => api().getAllocatorWithDefaultOptions(out));
  const text = create((out) => get(allocator, out));
  const name = koffi.decode.string(text);
  check(api().allocatorFree(allocator, text));
  return name;
}

function readType(get: (out: PointerCell) => Pointer | null): Omit<ValueInfo, 'name'> {
  using info = new NativeHandle('type info', create(get), (pointer) => api().releaseTypeInfo(pointer));
  const tensor: PointerCell = [null];
  check(api().castTypeInfoToTensorInfo(info.pointer, tensor));
  if (tensor[0] === null)
    throw new DiptychError('runtime_failed', 'The graph has an input or output that is no tensor.');
  return { type: elementTypeOf(count(tensor[0], api().getTensorElementType)), shape: readShape(tensor[0]) };
}

function readShape(tensor: Pointer): (number | string)[] {
  const rank = count(tensor, api().getDimensionsCount);
  const sizes = new BigInt64Array(rank);
  const names = new BigUint64Array(rank);
  check(api().getDimensions(tensor, sizes, rank));
  check(api().getSymbolicDimensions(tensor, names, rank));
  return Array.from(sizes, (size, axis) => (size < 0n ? koffi.decode.string(names[axis]) : Number(size)));
}

function count(object: Pointer, get: (object: Pointer, out: NumberCell) => Pointer | null): number {
  const out: NumberCell = [0];
  check(get(object, out));
  return out[0];
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
