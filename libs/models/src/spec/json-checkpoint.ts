import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { type Checkpoint, openCheckpoint } from '@diptych/checkpoint';

/** A checkpoint of JSON files alone, in a folder that is removed after the tests. */
export async function jsonCheckpoint(files: Readonly<Record<string, unknown>>): Promise<Checkpoint> {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-models-'));
  after(() => rm(folder, { recursive: true }));
  const all = { 'config.json': {}, ...files };
  await Promise.all(
    Object.entries(all).map(([name, value]) => writeFile(join(folder, name), JSON.stringify(value))),
  );
  return openCheckpoint(folder);
}

/** The least that an idefics3 checkpoint says: the rest are defaults. Tiles of 64, patches of 8, pixel shuffle by 2. */
export const MINIMAL = {
  'config.json': {
    model_type: 'idefics3',
    image_token_id: 7,
    text_config: { hidden_size: 64, num_attention_heads: 4, vocab_size: 100 },
    vision_config: { image_size: 64, patch_size: 8 },
  },
  'preprocessor_config.json': { size: { longest_edge: 256 }, max_image_size: { longest_edge: 64 } },
} as const;

/** `MINIMAL` with fields of one file replaced. */
export function changed(
  file: keyof typeof MINIMAL,
  fields: Readonly<Record<string, unknown>>,
): Promise<Checkpoint> {
  return jsonCheckpoint({ ...MINIMAL, [file]: { ...MINIMAL[file], ...fields } });
}
