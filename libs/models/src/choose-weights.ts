import { WEIGHT_FORMATS, type WeightFormat } from '@diptych/onnx-graph';
import type { Machine } from './machine.ts';

/** What a user can ask for: a format, or `auto` for what `chooseWeights` says. */
export const WEIGHT_CHOICES = [...WEIGHT_FORMATS, 'auto'] as const;

/** One of `WEIGHT_CHOICES`. */
export type WeightsSetting = (typeof WEIGHT_CHOICES)[number];

/** A format, and why. */
export interface WeightChoice {
  readonly format: WeightFormat;
  /** For the log: `this processor multiplies 8-bit integers`. */
  readonly reason: string;
}

/** Below this size of a checkpoint's weights a smaller format gains nothing that anybody notices. */
const SMALL_BYTES = 64 * 2 ** 20;

/** The part of the memory that weights may take: caches, activations and other processes need the rest. */
const MEMORY_SHARE = 0.5;

const FLOAT32_BYTES = 4;

/**
 * The format that `auto` stands for.
 *
 * @param elements Of all weights of the checkpoint: about the bytes that they have as int8.
 * @param bytes Of all weights as the checkpoint stores them.
 */
export function chooseWeights(
  { elements, bytes }: { readonly elements: number; readonly bytes: number },
  { multipliesBytes, availableMemory }: Machine,
): WeightChoice {
  if (bytes < SMALL_BYTES) return { format: 'float32', reason: 'the model is small' };
  if (elements > availableMemory * MEMORY_SHARE)
    return { format: 'int4', reason: 'int8 weights would not fit in half of the available memory' };
  if (multipliesBytes) return { format: 'int8', reason: 'this processor multiplies 8-bit integers' };
  if (elements * FLOAT32_BYTES > availableMemory * MEMORY_SHARE)
    return { format: 'int8', reason: 'float32 weights would not fit in half of the available memory' };
  return { format: 'float32', reason: 'this processor has no fast products of 8-bit integers' };
}
