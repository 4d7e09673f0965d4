import { IDEFICS2_8B } from './shapes/idefics2-8b.ts';
import type { Json, Shape } from './shapes/shape.ts';
import { SMOLVLM_2B } from './shapes/smolvlm-2b.ts';
import { SMOLVLM_256M } from './shapes/smolvlm-256m.ts';
import { TINY } from './shapes/tiny.ts';

export type { Json, Shape } from './shapes/shape.ts';

/** Every shape that can be measured. */
export const SHAPES: readonly Shape[] = [IDEFICS2_8B, SMOLVLM_2B, SMOLVLM_256M, TINY];

/** The shape of a name. Throws an error that lists the names where there is none. */
export function findShape(name: string): Shape {
  const shape = SHAPES.find((candidate) => candidate.name === name);
  if (shape) return shape;
  throw new Error(`there is no shape ${name}; there are ${SHAPES.map((known) => known.name).join(', ')}`);
}

/** The same shape with at most `layers` layers in tower and decoder, under a name that says so: for a quick trial. */
export function truncateLayers(shape: Shape, layers: number): Shape {
  const tower = { ...shape.tower, layers: Math.min(layers, shape.tower.layers) };
  const decoder = { ...shape.decoder, layers: Math.min(layers, shape.decoder.layers) };
  const { ['config.json']: config = {}, ...others } = shape.files;
  const withLayers = (part: unknown, count: number) => ({ ...(part as Json), num_hidden_layers: count });
  const truncated = {
    ...config,
    text_config: withLayers(config['text_config'], decoder.layers),
    vision_config: withLayers(config['vision_config'], tower.layers),
  };
  const name = `${shape.name}-${layers}-layers`;
  return { ...shape, name, tower, decoder, files: { ...others, 'config.json': truncated } };
}
