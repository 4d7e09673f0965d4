import type { TileEncoder } from '../encoder.ts';

/** Doubles each value, notes every run, and waits for `go` before each where asked to. */
export class FakeEncoder implements TileEncoder {
  readonly maxTiles: number;
  readonly tileValues = 2;
  readonly featureValues = 2;
  /** First value of each tile of each run. */
  readonly runs: number[][] = [];
  #gate = Promise.resolve();
  #open: () => void = () => undefined;

  constructor(maxTiles: number) {
    this.maxTiles = maxTiles;
  }

  /** Holds runs until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#gate = promise.then(() => undefined);
    this.#open = () => resolve(undefined);
    return this.#open;
  }

  async run(tiles: readonly Float32Array[]): Promise<readonly Float32Array[]> {
    this.runs.push(tiles.map((tile) => tile[0] ?? Number.NaN));
    await this.#gate;
    if (tiles.some((tile) => tile[0] === FAILS)) throw new Error('a run failed');
    return tiles.map((tile) => tile.map((value) => value * 2));
  }
}

/** A tile with this value makes its run fail. */
export const FAILS = -1;
