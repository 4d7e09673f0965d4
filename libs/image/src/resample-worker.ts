import { parentPort } from 'node:worker_threads';
import { cutTiles } from './cut-tiles.ts';
import type { TileAnswer, TileJob } from './tile-workers.ts';
import { toRgb } from './to-rgb.ts';

// Entry of a worker thread: one job in, one answer out, in order. Only tile-workers.ts talks to it.
parentPort?.on('message', ({ pixels, plan }: TileJob) => {
  const tiles = cutTiles(toRgb(pixels), plan);
  const buffers = tiles.map(({ pixels: { buffer } }) => buffer);
  parentPort?.postMessage({ tiles } satisfies TileAnswer, buffers);
});
