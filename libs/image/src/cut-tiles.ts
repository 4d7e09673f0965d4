import assert from 'node:assert/strict';
import type { ImagePlan } from './image-plan.ts';
import { type RgbImage, resample } from './resample.ts';

/** Where the pixels of a tile come from. */
interface TileSource {
  readonly image: RgbImage;
  readonly left: number;
  readonly top: number;
}

/**
 * Resizes an image by its plan, cuts it into tiles and normalises them. Returns [tiles, 3, tileSize, tileSize], tiles row by
 * row, the global view last.
 */
export function cutTiles(source: RgbImage, plan: ImagePlan): Float32Array<ArrayBuffer> {
  const image = plan.resizes.reduce<RgbImage>((from, size) => resample(from, size, plan.resample), source);
  const sources = tileSources(image, plan);
  const tileLength = 3 * plan.tileSize ** 2;
  const tiles = new Float32Array(sources.length * tileLength);
  const tables = normalisationTables(plan);
  for (const [index, tile] of sources.entries()) {
    const target = tiles.subarray(index * tileLength, (index + 1) * tileLength);
    normaliseTile(tile, plan.tileSize, tables, target);
  }
  return tiles;
}

/** The size that cutting expects after the plan's resizes. */
export function processedSize(plan: ImagePlan): { width: number; height: number } {
  return { width: Math.max(plan.columns, 1) * plan.tileSize, height: Math.max(plan.rows, 1) * plan.tileSize };
}

/** Tiles that a plan makes, the global view included. */
export function countTiles({ rows, columns, globalView }: ImagePlan): number {
  return rows === 0 ? 1 : rows * columns + (globalView ? 1 : 0);
}

function tileSources(image: RgbImage, plan: ImagePlan): TileSource[] {
  const size = processedSize(plan);
  assert.ok(
    image.width === size.width && image.height === size.height,
    'the resizes of a plan end at its grid',
  );
  const sources: TileSource[] = [];
  for (let top = 0; top < size.height; top += plan.tileSize) {
    for (let left = 0; left < size.width; left += plan.tileSize) sources.push({ image, left, top });
  }
  if (plan.rows > 0 && plan.globalView) sources.push(globalViewSource(image, plan));
  return sources;
}

function globalViewSource(image: RgbImage, { tileSize, resample: filter }: ImagePlan): TileSource {
  return { image: resample(image, { width: tileSize, height: tileSize }, filter), left: 0, top: 0 };
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
  tile: TileSource,
  size: number,
  tables: readonly Float32Array[],
  target: Float32Array,
): void {
  const { data, width } = tile.image;
  for (const [channel, table] of tables.entries()) {
    let out = channel * size * size;
    for (let y = 0; y < size; y += 1) {
      let pixel = ((tile.top + y) * width + tile.left) * 3 + channel;
      for (let x = 0; x < size; x += 1, out += 1, pixel += 3) target[out] = table[data[pixel] ?? 0] ?? 0;
    }
  }
}
