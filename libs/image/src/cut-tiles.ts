import assert from 'node:assert/strict';
import type { ImagePlan, ImageView, Tile } from './image-plan.ts';
import { applyStep } from './image-steps.ts';
import type { RgbImage } from './resample.ts';
import { TileNormaliser } from './tile-normaliser.ts';

/** Makes the views of an image by its plan, cuts them into tiles and normalises those. */
export function cutTiles(source: RgbImage, plan: ImagePlan): Tile[] {
  const images = lookAt(source, plan);
  const normaliser = new TileNormaliser(plan);
  return plan.views.flatMap(({ tile }, index) => {
    const image = imageOf(images, index);
    return places(image, tile).map((place) => normaliser.cut(image, { ...place, ...tile }));
  });
}

/** The last image of each view. */
function lookAt(source: RgbImage, { views, resample }: ImagePlan): readonly RgbImage[] {
  const images: RgbImage[] = [];
  for (const { from, steps } of views) {
    const start = from === undefined ? source : imageOf(images, from);
    images.push(steps.reduce((image, step) => applyStep(image, step, resample), start));
  }
  return images;
}

function imageOf(images: readonly RgbImage[], view: number): RgbImage {
  return images[view] ?? assert.fail(`view ${view} is none of the ${images.length} before`);
}

interface Place {
  readonly left: number;
  readonly top: number;
}

/** Upper left corners of the tiles, row by row. */
function places(image: RgbImage, tile: ImageView['tile']): Place[] {
  const [columns, rows] = [image.width / tile.width, image.height / tile.height];
  assert.ok(
    Number.isInteger(columns) && Number.isInteger(rows) && columns * rows > 0,
    'the steps of a view end at whole tiles',
  );
  return Array.from({ length: rows * columns }, (_, index) => ({
    left: (index % columns) * tile.width,
    top: Math.floor(index / columns) * tile.height,
  }));
}
