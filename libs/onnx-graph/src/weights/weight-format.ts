/**
 * How the large weights of a graph are stored and multiplied. Norms, biases and what a layer keeps on purpose stay
 * float32 whatever the format.
 */
export const WEIGHT_FORMATS = ['float32', 'float16', 'int8', 'int4'] as const;

/** One of `WEIGHT_FORMATS`. */
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];
