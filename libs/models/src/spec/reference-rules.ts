import { readFile } from 'node:fs/promises';

/** What the reference's image processor does with one size of image, with splitting and without. */
export interface ReferenceSizes {
  readonly longestEdge: number;
  readonly tile: number;
  readonly source: readonly [width: number, height: number];
  readonly split: ReferenceCut;
  readonly whole: ReferenceCut;
}

/** Every resize, the one for the view of the whole image among them, and the tiles. */
export interface ReferenceCut {
  readonly resizes: readonly (readonly [width: number, height: number])[];
  readonly rows: number;
  readonly columns: number;
}

/** Positions of the patches along one side of a tile. */
export interface ReferencePositions {
  readonly patches: number;
  readonly positions: number;
  readonly buckets: readonly number[];
}

/** Many sizes in many settings, written by tests/golden/rules.py. */
export async function referenceSizes(): Promise<readonly ReferenceSizes[]> {
  return (await read('image-sizes.json')) as ReferenceSizes[];
}

/** Many numbers of patches, written by tests/golden/rules.py. */
export async function referencePositions(): Promise<readonly ReferencePositions[]> {
  return (await read('position-ids.json')) as ReferencePositions[];
}

async function read(name: string): Promise<unknown> {
  const file = new URL(`../../../../tests/golden/fixtures/${name}`, import.meta.url);
  return JSON.parse(await readFile(file, 'utf8'));
}
