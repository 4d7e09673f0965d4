import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageLayout } from '@diptych/image';
import type { ChatMessage } from '@diptych/text';

/** A checkpoint and the folder of its reference numbers. */
export interface Fixture {
  readonly name: string;
  readonly checkpoint: string;
  readonly folder: string;
  /** Where the cases' source images lie. */
  readonly images: string;
}

const FOLDER = join(import.meta.dirname, 'fixtures');

/** Every checkpoint that is compared with the reference. */
export const FIXTURES: readonly Fixture[] = [
  tiny('idefics2-float32'),
  tiny('idefics2-bfloat16-sharded'),
  tiny('idefics3-float32'),
  tiny('idefics3-bfloat16-sharded'),
  tiny('smolvlm-float16-tied'),
  tiny('llava-clip-llama-float32'),
  tiny('llava-siglip-qwen2-bfloat16-tied'),
  tiny('llava-next-clip-mistral-float16-sharded'),
  {
    name: 'pico',
    checkpoint: join(import.meta.dirname, '../../models/pico'),
    folder: join(import.meta.dirname, 'pico'),
    images: join(FOLDER, 'images'),
  },
];

/** The conversations that each checkpoint is asked. */
export const CASES = ['one-image', 'large-image-split', 'two-images-two-turns'] as const;

/** A conversation and what transformers makes of it, as `make_golden.py` writes it. */
export interface GoldenCase {
  /** Whether images are to be split; the checkpoint decides where null. */
  readonly split: boolean | null;
  readonly messages: readonly ChatMessage[];
  readonly images: readonly (ImageLayout & { readonly file: string })[];
  /** The chat template's text, with one marker for each image. */
  readonly prompt: string;
  /** The same with each image's placeholders. */
  readonly expandedPrompt: string;
  readonly inputIds: readonly number[];
  /** Positions of the prompt whose logits are kept, the last among them. */
  readonly logitPositions: readonly number[];
  readonly greedyIds: readonly number[];
}

/** Numbers of one case. */
export interface GoldenTensors {
  /** For each image: the rows that enter the prompt, [rows, hidden] in any split of the rows. */
  readonly imageFeatures: readonly Float32Array[];
  /** [logitPositions, vocab]. */
  readonly logits: Float32Array;
}

/** SHA-256 of the weight files that the numbers were made from, by name. */
export async function readWeightSums({ folder }: Fixture): Promise<Readonly<Record<string, string>>> {
  const { weights } = JSON.parse(await readFile(join(folder, 'fixture.json'), 'utf8')) as FixtureFile;
  return weights;
}

interface FixtureFile {
  readonly weights: Readonly<Record<string, string>>;
}

export async function readCase(fixture: Fixture, name: string): Promise<GoldenCase> {
  return JSON.parse(await readFile(join(fixture.folder, name, 'case.json'), 'utf8')) as GoldenCase;
}

export async function readGoldenTensors(fixture: Fixture, name: string): Promise<GoldenTensors> {
  const tensors = await readFloatTensors(join(fixture.folder, name, 'tensors.safetensors'));
  const get = (tensor: string) => tensors.get(tensor) ?? assert.fail(`${tensor} is missing`);
  const images = [...tensors.keys()].filter((tensor) => tensor.startsWith('image_features.'));
  return { imageFeatures: images.map((_, index) => get(`image_features.${index}`)), logits: get('logits') };
}

function tiny(name: string): Fixture {
  const folder = join(FOLDER, name);
  return { name, folder, checkpoint: join(folder, 'checkpoint'), images: join(FOLDER, 'images') };
}

/** A reader of float32 safetensors of its own, so that the suite does not judge Diptych's reader by itself. */
async function readFloatTensors(path: string): Promise<Map<string, Float32Array>> {
  const file = await readFile(path);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, start)) as Record<string, TensorHead>;
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__');
  return new Map(
    tensors.map(
      ([
        name,
        {
          dtype,
          data_offsets: [from, to],
        },
      ]) => {
        assert.equal(dtype, 'F32', name);
        return [name, new Float32Array(new Uint8Array(file.subarray(start + from, start + to)).buffer)];
      },
    ),
  );
}

interface TensorHead {
  readonly dtype: string;
  readonly data_offsets: readonly [from: number, to: number];
}
