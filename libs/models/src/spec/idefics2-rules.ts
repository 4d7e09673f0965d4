import { readFile } from 'node:fs/promises';

/** What the reference's image processor does with one size of image. */
export interface Idefics2Sizes {
  readonly shortestEdge: number;
  readonly longestEdge: number;
  readonly source: readonly [width: number, height: number];
  /** The quarters and the whole; null where a side has no halves. */
  readonly split: readonly Idefics2View[] | null;
  readonly whole: readonly Idefics2View[];
}

/** One view: the part of the source, and the size that it is brought to. */
export interface Idefics2View {
  readonly box: readonly [left: number, top: number, width: number, height: number];
  readonly size: readonly [width: number, height: number];
}

/** Many sizes in many settings, written by tests/golden/rules_idefics2.py. */
export async function idefics2Sizes(): Promise<readonly Idefics2Sizes[]> {
  const file = new URL('../../../../tests/golden/fixtures/idefics2-sizes.json', import.meta.url);
  return JSON.parse(await readFile(file, 'utf8')) as Idefics2Sizes[];
}
