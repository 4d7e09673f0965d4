import { type Kernel, KernelMemory } from '@diptych/wasm';
import type { ImagePlan, Size, Tile } from './image-plan.ts';
import { PLANES_KERNELS, TABLE_LENGTH } from './planes-kernel.ts';
import type { RgbImage } from './resample.ts';

/** Where a tile lies in its image. */
export interface TileBox extends Size {
  readonly left: number;
  readonly top: number;
}

/** Most pixels that are normalised between two copies: a core's cache holds them. A row of a tile may have more. */
const BAND_PIXELS = 2 ** 14;

/** Makes planes of float32 numbers out of interleaved 8-bit pixels, as one plan normalises them. */
export class TileNormaliser {
  readonly #pixels: Uint8Array;
  readonly #tables: Float32Array;
  readonly #planes: Float32Array<ArrayBuffer>;
  readonly #split: Kernel;

  constructor(plan: ImagePlan) {
    const capacity = Math.max(BAND_PIXELS, ...plan.views.map(({ tile }) => tile.width));
    const memory = new KernelMemory(15 * capacity + 3 * 4 * TABLE_LENGTH + 64);
    this.#pixels = memory.uint8(3 * capacity);
    this.#tables = memory.float32(3 * TABLE_LENGTH);
    this.#planes = memory.float32(3 * capacity);
    this.#split = memory.instantiate(PLANES_KERNELS).split;
    this.#tables.set(normalisationTables(plan));
  }

  /** The pixels of a box, normalised, in a buffer of their own. */
  cut(image: RgbImage, { left, top, width, height }: TileBox): Tile {
    const pixels = new Float32Array(3 * width * height);
    const bandRows = Math.max(1, Math.floor(BAND_PIXELS / width));
    for (let y = 0; y < height; y += bandRows) {
      const rows = Math.min(bandRows, height - y);
      this.#load(image, { left, top: top + y, width, height: rows });
      for (const [channel, plane] of this.#normalise(rows * width).entries())
        pixels.set(plane, (channel * height + y) * width);
    }
    return { width, height, pixels };
  }

  #load(image: RgbImage, { left, top, width, height }: TileBox): void {
    for (let y = 0; y < height; y += 1) {
      const first = ((top + y) * image.width + left) * 3;
      this.#pixels.set(image.data.subarray(first, first + 3 * width), 3 * width * y);
    }
  }

  /** Red, green and blue of the pixels that were loaded. */
  #normalise(count: number): Float32Array[] {
    const first = this.#pixels.byteOffset;
    this.#split(first, first + 3 * count, this.#planes.byteOffset, 4 * count, this.#tables.byteOffset);
    return [0, 1, 2].map((channel) => this.#planes.subarray(channel * count, (channel + 1) * count));
  }
}

/** What each 8-bit value becomes, channel by channel; rounded to 32 bits after each step, as the reference rounds. */
function normalisationTables({ rescale, mean, std }: ImagePlan): number[] {
  return mean.flatMap((channelMean, channel) =>
    Array.from({ length: TABLE_LENGTH }, (_, value) => {
      const centred = Math.fround(Math.fround(value * rescale) - Math.fround(channelMean));
      return centred / Math.fround(std[channel] ?? 1);
    }),
  );
}
