import { type Kernel, KernelMemory } from '@diptych/wasm';
import type { Resample } from './image-plan.ts';
import type { RgbImage } from './resample.ts';
import { BAND_BYTES, RUN_BYTES, SLACK } from './resample-sums.ts';
import { type ResampleWeights, weightsOf } from './resample-weights.ts';
import { ROWS_AT_ONCE, WIDTH_KERNELS } from './width-kernel.ts';

/** Brings the rows of an image to another width, band by band; the image itself where they have it. */
export function resampleWidth(source: RgbImage, width: number, filter: Resample): RgbImage {
  if (width === source.width) return source;
  const band = new WidthBand(source, weightsOf({ from: source.width, to: width, filter }));
  const data = new Uint8Array(3 * width * source.height);
  for (let top = 0; top < source.height; top += band.rows) {
    const rows = source.data.subarray(3 * source.width * top, 3 * source.width * (top + band.rows));
    data.set(band.resample(rows), 3 * width * top);
  }
  return { width, height: source.height, data };
}

/** Some rows in the kernels' memory, before and after. */
class WidthBand {
  readonly rows: number;
  readonly #fromRow: number;
  readonly #toRow: number;
  readonly #starts: Int32Array;
  readonly #halves: Int16Array;
  readonly #runBytes: number;
  readonly #from: Uint8Array;
  readonly #to: Uint8Array<ArrayBuffer>;
  readonly #columns: Kernel;

  constructor({ width, height }: RgbImage, { starts, pairs, halves }: ResampleWeights) {
    this.#fromRow = 3 * width;
    this.#toRow = 3 * starts.length;
    this.#runBytes = RUN_BYTES * pairs;
    const fitting = Math.floor(BAND_BYTES / (this.#fromRow + this.#toRow));
    this.rows = ROWS_AT_ONCE * Math.ceil(Math.min(Math.max(fitting, 1), height) / ROWS_AT_ONCE);
    const bytes = (this.#fromRow + this.#toRow) * this.rows;
    const memory = new KernelMemory(starts.byteLength + halves.byteLength + bytes + 3 * SLACK);
    this.#starts = memory.int32(starts.length);
    this.#halves = memory.int16(halves.length);
    this.#from = memory.uint8(this.#fromRow * this.rows + SLACK);
    this.#to = memory.uint8(this.#toRow * this.rows);
    this.#columns = memory.instantiate(WIDTH_KERNELS).columns;
    this.#starts.set(starts.map((start) => 3 * start));
    this.#halves.set(halves);
  }

  /** Takes up to `rows` rows. The result is void after the next call. */
  resample(rows: Uint8Array): Uint8Array {
    this.#from.set(rows);
    const count = rows.length / this.#fromRow;
    for (let y = 0; y < count; y += ROWS_AT_ONCE)
      this.#columns(
        this.#from.byteOffset + y * this.#fromRow,
        this.#fromRow,
        this.#to.byteOffset + y * this.#toRow,
        this.#toRow,
        this.#starts.byteOffset,
        this.#starts.byteOffset + this.#starts.byteLength,
        this.#halves.byteOffset,
        this.#runBytes,
      );
    return this.#to.subarray(0, count * this.#toRow);
  }
}
