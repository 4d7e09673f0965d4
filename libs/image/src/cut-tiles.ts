import assert from 'node:assert/strict';
import type { ImagePlan, ImageView, Tile } from './image-plan.ts';
import { applyStep } from './image-steps.ts';
import type { RgbImage } from './resample.ts';

/** Makes the views of an image by its plan, cuts them into tiles and normalises those. */
export function cutTiles(source: RgbImage, plan: ImagePlan): Tile[] {
  const images = lookAt(source, plan);
  const tables = normalisationTables(plan);
  return plan.views.flatMap(({ tile }, index) => {
    const image = imageOf(images, index);
    return places(image, tile).map((place) => normaliseTile(image, { ...place, ...tile }, tables));
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

/** What each 8-bit value becomes, by channel; rounded to 32 bits after each step, as the reference rounds. */
function normalisationTables({ rescale, mean, std }: ImagePlan): readonly Float32Array[] {
  return mean.map((channelMean, channel) =>
    Float32Array.from({ length: 256 }, (_, value) => {
      const centred = Math.fround(Math.fround(value * rescale) - Math.fround(channelMean));
      return centred / Math.fround(std[channel] ?? 1);
    }),
  );
}

function normaliseTile(
  image: RgbImage,
  { left, top, width, height }: Place & ImageView['tile'],
  tables: readonly Float32Array[],
): Tile {
  const pixels = new Float32Array(3 * width * height);
  for (const [channel, table] of tables.entries()) {
    let out = channel * width * height;
    for (let y = 0; y < height; y += 1) {
      let value = ((top + y) * image.width + left) * 3 + channel;
      for (let x = 0; x < width; x += 1, out += 1, value += 3)
        pixels[out] = table[image.data[value] ?? 0] ?? 0;
    }
  }
  return { width, height, pixels };
}
