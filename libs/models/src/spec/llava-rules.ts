import { readFile } from 'node:fs/promises';

/** Steps that the reference's image processor does with one image under some settings. */
export interface LlavaSteps {
  /** As JSON, for an image processor of type LlavaImageProcessor. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly source: readonly [width: number, height: number];
  /** As those of a plan, without the colour of a pad. */
  readonly steps: readonly unknown[];
}

/** A model with tiles of `image` and patches of `patch`, and what its processor chooses for one image. */
export interface LlavaNextGrid {
  readonly image: number;
  readonly patch: number;
  readonly pinpoints: readonly (readonly [height: number, width: number])[];
  readonly source: readonly [width: number, height: number];
  readonly processed: readonly [width: number, height: number];
}

/** A grid with the resize and the padding before it is cut, and the placeholders that the processor writes. */
export interface LlavaNextSizes extends LlavaNextGrid {
  readonly resized: readonly [width: number, height: number];
  readonly left: number;
  readonly top: number;
  readonly tokens: number;
}

/** A grid with the order of its features. */
export interface LlavaNextPacking extends LlavaNextGrid {
  /** Tile times patches plus patch of each row of features, or -1 for a newline. */
  readonly rows: readonly number[];
}

/** Many sizes in many settings, written by tests/golden/rules_llava.py. */
export async function llavaSteps(): Promise<readonly LlavaSteps[]> {
  return (await read('llava-steps.json')) as LlavaSteps[];
}

/** Many sizes for the grids of released checkpoints, written by tests/golden/rules_llava.py. */
export async function llavaNextSizes(): Promise<readonly LlavaNextSizes[]> {
  return (await read('llava-next-sizes.json')) as LlavaNextSizes[];
}

/** Many sizes for a small grid, written by tests/golden/rules_llava.py. */
export async function llavaNextPackings(): Promise<readonly LlavaNextPacking[]> {
  return (await read('llava-next-packing.json')) as LlavaNextPacking[];
}

async function read(name: string): Promise<unknown> {
  const file = new URL(`../../../../tests/golden/fixtures/${name}`, import.meta.url);
  return JSON.parse(await readFile(file, 'utf8'));
}
