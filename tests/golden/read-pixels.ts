import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImagePlan, Tile } from '@diptych/image';
import sharp from 'sharp';
import type { Fixture, GoldenCase } from './fixtures.ts';

/** How pixels become numbers; the rest of a plan is what is under test. */
export type Normalisation = Pick<ImagePlan, 'rescale' | 'mean' | 'std'>;

/** One of a case's images. */
export interface GoldenImage {
  readonly fixture: Fixture;
  /** Of the case. */
  readonly name: string;
  readonly golden: GoldenCase;
  readonly index: number;
}

/**
 * The reference's tiles of one image, which the fixture keeps as the bytes that they were before they were rescaled and
 * normalised: in `pixels-N.png` one below the other where all have one size, else each in its `pixels-N-T.png`.
 */
export async function readPixels(image: GoldenImage, normalisation: Normalisation): Promise<Tile[]> {
  const { fixture, name, golden, index } = image;
  const count = golden.images[index]?.tileTokens.length ?? assert.fail(`${name} has no image ${index}`);
  const file = (suffix: string) => join(fixture.folder, name, `pixels-${index}${suffix}.png`);
  const files = existsSync(file(''))
    ? [file('')]
    : Array.from({ length: count }, (_, tile) => file(`-${tile}`));
  const pictures = await Promise.all(files.map(readPicture));
  return pictures
    .flatMap((picture) => cut(picture, count / files.length))
    .map((tile) => normalise(tile, normalisation));
}

/** 8-bit RGB, interleaved, row by row. */
interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

async function readPicture(file: string): Promise<Picture> {
  const { data, info } = await sharp(await readFile(file))
    .raw()
    .toBuffer({ resolveWithObject: true });
  assert.equal(info.channels, 3, file);
  return { width: info.width, height: info.height, data };
}

function cut({ width, height, data }: Picture, tiles: number): Picture[] {
  const size = data.length / tiles;
  return Array.from({ length: tiles }, (_, tile) => ({
    width,
    height: height / tiles,
    data: data.subarray(tile * size, (tile + 1) * size),
  }));
}

/** The reference's arithmetic: rescaled as float64, all else as float32. */
function normalise({ width, height, data }: Picture, { rescale, mean, std }: Normalisation): Tile {
  const plane = width * height;
  const pixels = Float32Array.from({ length: 3 * plane }, (_, index) => {
    const channel = Math.floor(index / plane);
    const scaled = Math.fround((data[(index % plane) * 3 + channel] ?? NaN) * rescale);
    const centred = Math.fround(scaled - Math.fround(mean[channel] ?? NaN));
    return centred / Math.fround(std[channel] ?? NaN);
  });
  return { width, height, pixels };
}
