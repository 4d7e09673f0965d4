import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';
import { type RotaryOptions, rotaryCaches } from './rotary-caches.ts';

/** Cosines and sines of a rotary embedding, each float32 [maxPositions, headDim / 2]. */
export interface RotaryEmbedding {
  readonly cos: Value;
  readonly sin: Value;
}

/** Stores the tables of `rotaryCaches` as weights that all layers share. */
export function rotaryEmbedding(graph: GraphBuilder, options: RotaryOptions): RotaryEmbedding {
  const { shape, cos, sin } = rotaryCaches(options);
  return {
    cos: graph.computed('rotary.cos', 'float32', shape, () => cos),
    sin: graph.computed('rotary.sin', 'float32', shape, () => sin),
  };
}
