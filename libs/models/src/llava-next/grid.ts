import assert from 'node:assert/strict';
import type { Size } from '@diptych/image';

/**
 * The size among those that are possible which keeps most of the image's pixels and, between equals, wastes the fewest
 * of its own: transformers' `select_best_resolution`. The first of equals wins.
 */
export function bestResolution(source: Size, possible: readonly Size[]): Size {
  const [best] = possible
    .map((size) => ({ size, ...fit(source, size) }))
    .toSorted((one, other) => other.effective - one.effective || one.wasted - other.wasted);
  assert.ok(best, 'a model has at least one size');
  return best.size;
}

function fit(source: Size, { width, height }: Size) {
  const scale = Math.min(width / source.width, height / source.height);
  const scaled = Math.trunc(source.width * scale) * Math.trunc(source.height * scale);
  const effective = Math.min(scaled, source.width * source.height);
  return { effective, wasted: width * height - effective };
}

/** The part of a grid of patches that shows the image and not the black around it. */
export interface Kept {
  readonly top: number;
  readonly left: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Leaves out the patches around an image that was laid on a grid of `rows` × `columns` patches: transformers'
 * `unpad_image`, which works the padding out from the source's shape, rounded to seven decimals.
 */
export function unpad(source: Size, { rows, columns }: Pick<Kept, 'rows' | 'columns'>): Kept {
  if (source.width / source.height > columns / rows) {
    const shown = truncate(source.height * (columns / source.width));
    const top = Math.floor((rows - shown) / 2);
    return { top, left: 0, rows: rows - 2 * top, columns };
  }
  const shown = truncate(source.width * (rows / source.height));
  const left = Math.floor((columns - shown) / 2);
  return { top: 0, left, rows, columns: columns - 2 * left };
}

/** Python's int(round(value, 7)): what is within half a ten-millionth below a whole number counts as that. */
function truncate(value: number): number {
  return Math.trunc(Number(value.toFixed(7)));
}
