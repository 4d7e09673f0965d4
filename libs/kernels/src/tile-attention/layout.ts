import { at, type Memory, r15 } from '@diptych/machine-code';

/** Bytes of a tile: 16 rows of 64, which hold 16 float32 or 32 bfloat16. */
export const TILE_BYTES = 1024;
export const TILE_ROW_BYTES = 64;

/** Rows that one tile of queries holds. */
export const QUERY_ROWS = 16;

/** Keys between two looks at the running maximum. Blocks begin at multiples of it, counted from the first position. */
export const KEY_BLOCK = 64;

/** Keys that are packed together: as many as a row of a tile of bfloat16 holds. */
export const KEY_GROUP = 32;

/** Tiles of queries that one task works on, so that a tile of keys or values is loaded once for both. */
export const ITEMS = 2;

/** How many tiles an attention's parts take. */
export interface TileCounts {
  /** Tiles along the dimensions of queries and keys, 32 each. */
  readonly scoreSteps: number;
  /** Tiles along the dimensions of values, 16 each. */
  readonly valueTiles: number;
  /** Tiles of a packed group of keys and values. */
  readonly groupTiles: number;
  /** Bytes of a packed block of keys and values. */
  readonly blockBytes: number;
}

export function tileCounts(headDim: number): TileCounts {
  const scoreSteps = Math.ceil(headDim / 32);
  const valueTiles = Math.ceil(headDim / 16);
  const groupTiles = (KEY_GROUP / 16) * scoreSteps + valueTiles;
  return {
    scoreSteps,
    valueTiles,
    groupTiles,
    blockBytes: (KEY_BLOCK / KEY_GROUP) * groupTiles * TILE_BYTES,
  };
}

/** Where in a packed block the tile of 16 keys is that holds 32 of their dimensions, in bytes. */
export function keyTile({ scoreSteps, groupTiles }: TileCounts, keys: number, step: number): number {
  const group = Math.floor(keys / 2);
  return (group * groupTiles + (keys % 2) * scoreSteps + step) * TILE_BYTES;
}

/** Where in a packed block the tile of 16 dimensions is that holds 32 keys' values, in bytes. */
export function valueTile({ scoreSteps, groupTiles }: TileCounts, group: number, dimensions: number): number {
  return (group * groupTiles + 2 * scoreSteps + dimensions) * TILE_BYTES;
}

/** A task's memory on the stack, at r15: where its parts are. */
export class Scratch {
  readonly bytes: number;
  readonly #items: number;
  readonly #queries: number;
  readonly #scores: number;
  readonly #weights: number;
  readonly #sums: number;

  constructor({ scoreSteps, valueTiles }: TileCounts) {
    this.#items = ROW_TABLE + ROW_TABLE_BYTES;
    this.#queries = this.#items + ITEMS * ITEM_BYTES;
    this.#scores = this.#queries + ITEMS * scoreSteps * TILE_BYTES;
    this.#weights = this.#scores + ITEMS * SCORE_BYTES;
    this.#sums = this.#weights + ITEMS * (SCORE_BYTES / 2);
    this.bytes = this.#sums + ITEMS * valueTiles * TILE_BYTES;
    this.#queryBytes = scoreSteps * TILE_BYTES;
    this.#sumBytes = valueTiles * TILE_BYTES;
  }
  readonly #queryBytes: number;
  readonly #sumBytes: number;

  /** A cell of an item: its addresses, bounds and running values. */
  item(item: number, cell: keyof typeof ITEM_CELLS): Memory {
    return at(r15, this.#items + item * ITEM_BYTES + ITEM_CELLS[cell]);
  }

  /** An item's queries in bfloat16: a tile for each 32 dimensions, in pairs of dimensions. */
  queries(item: number): number {
    return this.#queries + item * this.#queryBytes;
  }

  /** An item's scores of a block: a row for each key. */
  scores(item: number): number {
    return this.#scores + item * SCORE_BYTES;
  }

  /** What an item's keys of a block weigh, in bfloat16: a row for each pair of keys. */
  weights(item: number): number {
    return this.#weights + item * (SCORE_BYTES / 2);
  }

  /** An item's weighted sums of values: a row for each dimension. */
  sums(item: number): number {
    return this.#sums + item * this.#sumBytes;
  }
}

const SCORE_BYTES = KEY_BLOCK * TILE_ROW_BYTES;

/** The caller's stack, its shapes of tiles. */
export const CALLER_STACK = at(r15, 0);
export const CALLER_TILES = at(r15, 64);

/** Addresses of rows: of keys, then of values, or of queries. */
export const ROW_TABLE = 128;
const ROW_TABLE_BYTES = 2 * KEY_GROUP * 8;

/** Cells of an item. Bounds of a query's keys are positions. */
const ITEM_CELLS = {
  /** Address of the first query. */
  query: 0,
  /** Address where its result goes. */
  output: 8,
  /** How many rows there are, up to 16. */
  rows: 16,
  /** From where on the first row sees no key. */
  end: 24,
  /** From where on the last row sees keys. */
  begin: 32,
  /** A lane for each query: from where on it sees no key. */
  ends: 64,
  /** A lane for each query: from where on it sees keys. */
  begins: 128,
  /** Largest score so far. */
  maximum: 192,
  /** Sum of the weights so far. */
  sum: 256,
} as const;

const ITEM_BYTES = 320;
