import type { Segment } from './prompt.ts';

/** What stands directly beside an image in a prompt. */
export interface ImageNeighbours {
  /** Whether another image ends where this one begins. */
  readonly followsImage: boolean;
  /** The text that follows up to the next image, empty where that or the prompt's end does. */
  readonly next: string;
}

/** The neighbours of each image that the segments of a prompt refer to, by its index. */
export function imageNeighbours(segments: readonly Segment[]): ReadonlyMap<number, ImageNeighbours> {
  const written = segments.filter((segment) => segment.kind === 'image' || segment.text !== '');
  return new Map(
    written.flatMap((segment, position) => {
      if (segment.kind !== 'image') return [];
      const [before, after] = [written[position - 1], written[position + 1]];
      const next = after === undefined || after.kind === 'image' ? '' : after.text;
      return [[segment.index, { followsImage: before?.kind === 'image', next }]];
    }),
  );
}
