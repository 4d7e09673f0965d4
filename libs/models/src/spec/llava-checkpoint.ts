import type { Checkpoint } from '@diptych/checkpoint';
import { jsonCheckpoint } from './json-checkpoint.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Small files of a checkpoint, by name; fields that are left out take their defaults. */
export type SmallFiles = Readonly<
  Partial<Record<'config.json' | 'preprocessor_config.json' | 'processor_config.json', Fields>>
>;

/** The least that a `llava` checkpoint with tiles of 56 and patches of 14 says. */
const LLAVA: SmallFiles = {
  'config.json': {
    model_type: 'llava',
    text_config: { hidden_size: 64, num_attention_heads: 4 },
    vision_config: {
      hidden_size: 32,
      num_attention_heads: 2,
      num_hidden_layers: 3,
      image_size: 56,
      patch_size: 14,
    },
  },
  'preprocessor_config.json': { size: { shortest_edge: 56 }, crop_size: { height: 56, width: 56 } },
};

/** The least that a `llava_next` checkpoint says, with grids of at most two by two tiles. */
const LLAVA_NEXT: SmallFiles = {
  'config.json': {
    ...LLAVA['config.json'],
    model_type: 'llava_next',
    image_grid_pinpoints: [
      [56, 112],
      [112, 112],
    ],
  },
  'preprocessor_config.json': {
    ...LLAVA['preprocessor_config.json'],
    image_grid_pinpoints: [
      [56, 112],
      [112, 112],
    ],
  },
};

/** A `llava` checkpoint without weights, fields of its files replaced. */
export function llavaCheckpoint(changes: SmallFiles = {}): Promise<Checkpoint> {
  return jsonCheckpoint(merged(LLAVA, changes));
}

/** A `llava_next` checkpoint without weights, fields of its files replaced. */
export function llavaNextCheckpoint(changes: SmallFiles = {}): Promise<Checkpoint> {
  return jsonCheckpoint(merged(LLAVA_NEXT, changes));
}

/** Fields of fields, too, so that one of a tower can be replaced. */
function merged(files: SmallFiles, changes: SmallFiles): Record<string, unknown> {
  const names = new Set([...Object.keys(files), ...Object.keys(changes)] as (keyof SmallFiles)[]);
  return Object.fromEntries(
    [...names].map((name) => [name, mergedFields(files[name] ?? {}, changes[name] ?? {})]),
  );
}

function mergedFields(fields: Fields, changes: Fields): Fields {
  const result: Record<string, unknown> = { ...fields };
  for (const [name, value] of Object.entries(changes)) result[name] = mergedValue(fields[name], value);
  return result;
}

function mergedValue(old: unknown, value: unknown): unknown {
  return isFields(old) && isFields(value) ? { ...old, ...value } : value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
