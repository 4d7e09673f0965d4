/** How much is measured, and how long prompts are. */
export interface Sizes {
  /** Measurements of each workload, ours and theirs in turn. */
  readonly pairs: number;
  /** Edge of the image that is one tile, and of the one that is split. */
  readonly smallEdge: number;
  readonly largeEdge: number;
  /** Lengths that contexts end at when decoding is measured. */
  readonly contexts: readonly [short: number, middle: number, long: number];
  /** Tokens of each answer. */
  readonly answer: number;
  /** Of the clients that ask at once: length of their prompts and answers. */
  readonly crowd: { readonly prompt: number; readonly answer: number };
  /** Prompt that is prefilled while another answer runs, and the longest such an answer may be. */
  readonly intruder: { readonly prompt: number; readonly running: number };
  /** Context of each slot when the cache's memory is measured. */
  readonly resident: number;
  /** Context that our services are started with. */
  readonly context: number;
  /** Whether the large image is measured. */
  readonly largeImage: boolean;
  /** Read by all threads together to measure memory's bandwidth: far beyond any cache. */
  readonly readBytes: number;
  /** Edge of the square matrices whose product is the limit of arithmetic. */
  readonly matrixEdge: number;
}

/** Clients that ask at once, fewest first. */
export const CLIENTS = [1, 4, 16] as const;

/** Of a whole run. */
export const FULL: Sizes = {
  pairs: 5,
  smallEdge: 512,
  largeEdge: 1600,
  contexts: [64, 1200, 4000],
  answer: 32,
  crowd: { prompt: 64, answer: 128 },
  intruder: { prompt: 4000, running: 2000 },
  resident: 1200,
  context: 4224,
  largeImage: true,
  readBytes: 2 ** 30,
  matrixEdge: 2048,
};

/** Of a look in between, without peers. */
export const QUICK: Sizes = { ...FULL, pairs: 3, largeImage: false };

/** Of the `tiny` shape, to try the benchmark itself. */
export const TINY_SIZES: Sizes = {
  pairs: 1,
  smallEdge: 64,
  largeEdge: 128,
  contexts: [48, 96, 128],
  answer: 8,
  crowd: { prompt: 32, answer: 8 },
  intruder: { prompt: 256, running: 300 },
  resident: 64,
  context: 512,
  largeImage: true,
  readBytes: 2 ** 24,
  matrixEdge: 64,
};
