/**
 * How the large weights of a graph are stored and multiplied. Norms, biases and what a layer keeps on purpose stay
 * float32 whatever the format.
 */
export const WEIGHT_FORMATS = ['float32', 'float16', 'int8', 'int4'] as const;

/** One of `WEIGHT_FORMATS`. */
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];

/**
 * Whether a format's products round their other side too, to eight bits: what comes between them may then be rounded as
 * finely, as PyTorch's bfloat16 does.
 */
export function roundsActivations(format: WeightFormat): boolean {
  return format === 'int8' || format === 'int4';
}
