import { KernelMemory } from '@diptych/wasm';
import type { Resample } from './image-plan.ts';
import type { RgbImage } from './resample.ts';
import { RESAMPLE_KERNELS, ROWS_AT_ONCE, SLACK } from './resample-kernels.ts';
import { computeWeights } from './resample-weights.ts';

/** Most bytes of pixels in the kernels' memory: a core's cache holds them. A few rows may need more. */
const BAND_BYTES = 2 ** 20;

/** Brings the rows to another width; the source itself where they have it. */
export function resampleWidth(source: RgbImage, width: number, filter: Resample): RgbImage {
  if (width === source.width) return source;
  const { starts, pairs, halves } = computeWeights(source.width, width, filter);
  const [fromRow, toRow] = [3 * source.width, 3 * width];
  const fitting = Math.floor(BAND_BYTES / (fromRow + toRow));
  const rows = roundUp(Math.min(Math.max(fitting, 1), source.height), ROWS_AT_ONCE);
  const memory = new KernelMemory(4 * width + 2 * halves.length + (fromRow + toRow) * rows + 6 * SLACK);
  const places = memory.int32(width);
  const weights = memory.int16(halves.length);
  const from = memory.uint8(fromRow * rows + SLACK);
  const to = memory.uint8(toRow * rows);
  const { columns } = memory.instantiate(RESAMPLE_KERNELS);
  places.set(starts.map((start) => 3 * start));
  weights.set(halves);
  const data = new Uint8Array(toRow * source.height);
  for (let top = 0; top < source.height; top += rows) {
    const count = Math.min(rows, source.height - top);
    from.set(source.data.subarray(top * fromRow, (top + count) * fromRow));
    for (let y = 0; y < count; y += ROWS_AT_ONCE)
      columns(
        from.byteOffset + y * fromRow,
        fromRow,
        to.byteOffset + y * toRow,
        toRow,
        places.byteOffset,
        places.byteOffset + places.byteLength,
        weights.byteOffset,
        8 * pairs,
      );
    data.set(to.subarray(0, count * toRow), top * toRow);
  }
  return { width, height: source.height, data };
}

/** Brings the columns to another height; the source itself where they have it. */
export function resampleHeight(source: RgbImage, height: number, filter: Resample): RgbImage {
  if (height === source.height) return source;
  const { starts, pairs, halves } = computeWeights(source.height, height, filter);
  const rowBytes = 3 * source.width;
  const fitting = Math.floor(BAND_BYTES / 2 / rowBytes);
  const fromRows = Math.max(2 * pairs, Math.min(fitting, source.height));
  const toRows = Math.max(1, Math.min(fitting, height));
  const memory = new KernelMemory(2 * halves.length + (fromRows + toRows) * rowBytes + 6 * SLACK);
  const weights = memory.int16(halves.length);
  const from = memory.uint8(fromRows * rowBytes + SLACK);
  const to = memory.uint8(toRows * rowBytes + SLACK);
  const { row } = memory.instantiate(RESAMPLE_KERNELS);
  weights.set(halves);
  const data = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; ) {
    const [top, first] = [y, starts[y] ?? 0];
    const last = Math.min(first + fromRows, source.height);
    from.set(source.data.subarray(first * rowBytes, last * rowBytes));
    for (; y < height && y - top < toRows && (starts[y] ?? 0) + 2 * pairs <= first + fromRows; y += 1) {
      const out = to.byteOffset + (y - top) * rowBytes;
      row(
        from.byteOffset + ((starts[y] ?? 0) - first) * rowBytes,
        rowBytes,
        out,
        out + rowBytes,
        weights.byteOffset + 8 * pairs * y,
        8 * pairs,
      );
    }
    data.set(to.subarray(0, (y - top) * rowBytes), top * rowBytes);
  }
  return { width: source.width, height, data };
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
