import { type Kernel, KernelMemory } from '@diptych/wasm';
import { HEIGHT_KERNELS } from './height-kernel.ts';
import type { Resample } from './image-plan.ts';
import type { RgbImage } from './resample.ts';
import { BAND_BYTES, RUN_BYTES, SLACK } from './resample-sums.ts';
import { type ResampleWeights, weightsOf } from './resample-weights.ts';

/** Brings the columns of an image to another height, band by band; the image itself where they have it. */
export function resampleHeight(source: RgbImage, height: number, filter: Resample): RgbImage {
  if (height === source.height) return source;
  const band = new HeightBand(source, weightsOf({ from: source.height, to: height, filter }));
  const data = new Uint8Array(3 * source.width * height);
  for (let place = 0; place < data.length; ) {
    const rows = band.resample(source.data, place / (3 * source.width));
    data.set(rows, place);
    place += rows.length;
  }
  return { width: source.width, height, data };
}

/** Some rows in the kernels' memory, and rows that are made of them. */
class HeightBand {
  readonly #rowBytes: number;
  readonly #starts: Int32Array;
  readonly #pairs: number;
  /** Rows that there is room for, before and after. */
  readonly #room: { readonly from: number; readonly to: number };
  readonly #halves: Int16Array;
  readonly #from: Uint8Array;
  readonly #to: Uint8Array<ArrayBuffer>;
  readonly #row: Kernel;

  constructor({ width, height }: RgbImage, { starts, pairs, halves }: ResampleWeights) {
    this.#rowBytes = 3 * width;
    this.#starts = starts;
    this.#pairs = pairs;
    const fitting = Math.max(1, Math.floor(BAND_BYTES / 2 / this.#rowBytes));
    const room = {
      from: Math.max(2 * pairs, Math.min(fitting, height)),
      to: Math.min(fitting, starts.length),
    };
    this.#room = room;
    const bytes = this.#rowBytes * (room.from + room.to);
    const memory = new KernelMemory(halves.byteLength + bytes + 4 * SLACK);
    this.#halves = memory.int16(halves.length);
    this.#from = memory.uint8(this.#rowBytes * room.from + SLACK);
    this.#to = memory.uint8(this.#rowBytes * room.to + SLACK);
    this.#row = memory.instantiate(HEIGHT_KERNELS).row;
    this.#halves.set(halves);
  }

  /** The rows from `top` on, at least one, as many as there is room for. They are void after the next call. */
  resample(source: Uint8Array, top: number): Uint8Array {
    const first = this.#starts[top] ?? 0;
    const end = first + this.#room.from;
    this.#from.set(source.subarray(first * this.#rowBytes, end * this.#rowBytes));
    let count = 0;
    while (count < this.#room.to && this.#endOf(top + count) <= end) {
      this.#makeRow(top + count, { first, place: count });
      count += 1;
    }
    return this.#to.subarray(0, count * this.#rowBytes);
  }

  /** Behind the rows that row `y` is made of; beyond all where there is no such row. */
  #endOf(y: number): number {
    return (this.#starts[y] ?? Infinity) + 2 * this.#pairs;
  }

  #makeRow(y: number, { first, place }: { readonly first: number; readonly place: number }): void {
    const to = this.#to.byteOffset + place * this.#rowBytes;
    const from = this.#from.byteOffset + ((this.#starts[y] ?? 0) - first) * this.#rowBytes;
    const runBytes = RUN_BYTES * this.#pairs;
    this.#row(
      from,
      this.#rowBytes,
      to,
      to + this.#rowBytes,
      this.#halves.byteOffset + runBytes * y,
      runBytes,
    );
  }
}
