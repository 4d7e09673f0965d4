import { byteSize, type ElementType, type TensorData } from '../element-type.ts';
import type { EncodingName } from './encodings.ts';
import type { WeightSource } from './weight-source.ts';

/** A weight that is made when the model is saved. */
export interface PendingWeight {
  readonly origin: StoredOrigin | ComputedOrigin;
  readonly outputs: readonly PendingTensor[];
}

/** Rows that are read from files and encoded. */
export interface StoredOrigin {
  readonly kind: 'stored';
  readonly source: WeightSource;
  readonly encoding: EncodingName;
}

/** The elements of the one output, computed on the main thread. */
export interface ComputedOrigin {
  readonly kind: 'computed';
  readonly compute: () => TensorData;
}

/** A tensor of the graph that a weight becomes. */
export interface PendingTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** A weight whose tensors have their places in the data file. */
export interface PlacedWeight extends PendingWeight {
  readonly outputs: readonly PlacedTensor[];
}

/** A tensor's place in the data file, in bytes. */
export interface PlacedTensor extends PendingTensor {
  readonly offset: number;
  readonly length: number;
}

/** Which weights go into the graph's own file, and where the others lie in the data file. */
export interface Layout {
  readonly inline: readonly PendingWeight[];
  readonly external: readonly PlacedWeight[];
}

/** Weights up to this size live in the graph file: a page for a bias would be mostly padding. */
const INLINE_BYTES = 4096;

/** Offsets in the data file are multiples of a memory page, so that ONNX Runtime can map each tensor. */
const ALIGNMENT = 4096;

/** A function of the graph alone, so that an interrupted save finds its weights where it left them. */
export function layOut(weights: readonly PendingWeight[]): Layout {
  const isLarge = (weight: PendingWeight) => weightBytes(weight) > INLINE_BYTES;
  let end = 0;
  const place = (tensor: PendingTensor): PlacedTensor => {
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    const length = byteSize(tensor.type, tensor.shape);
    end = offset + length;
    return { ...tensor, offset, length };
  };
  return {
    inline: weights.filter((weight) => !isLarge(weight)),
    external: weights.filter(isLarge).map((weight) => ({ ...weight, outputs: weight.outputs.map(place) })),
  };
}

function weightBytes({ outputs }: PendingWeight): number {
  return outputs.reduce((sum, { type, shape }) => sum + byteSize(type, shape), 0);
}
