import assert from 'node:assert/strict';
import type { Size, Tile } from '@diptych/image';
import type { TileEncoder } from '../encoder.ts';

/** Answers a tile with its first two values doubled, notes every run, and waits for `go` before each where asked to. */
export class FakeEncoder implements TileEncoder {
  readonly featureValues = 2;
  /** First value of each tile of each run. */
  readonly runs: number[][] = [];
  readonly #maxTiles: (tile: Size) => number;
  #gate = Promise.resolve();
  #open: () => void = () => undefined;

  constructor(maxTiles: number | ((tile: Size) => number)) {
    this.#maxTiles = typeof maxTiles === 'number' ? () => maxTiles : maxTiles;
  }

  maxTiles(tile: Size): number {
    return this.#maxTiles(tile);
  }

  /** Holds runs until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#gate = promise.then(() => undefined);
    this.#open = () => resolve(undefined);
    return this.#open;
  }

  async run(tiles: readonly Tile[]): Promise<readonly Float32Array[]> {
    const [first] = tiles;
    assert.ok(first && tiles.length <= this.maxTiles(first), 'a run is neither empty nor too full');
    assert.ok(
      tiles.every(({ width, height }) => width === first.width && height === first.height),
      'a run has tiles of one size',
    );
    this.runs.push(tiles.map(({ pixels }) => pixels[0] ?? Number.NaN));
    await this.#gate;
    if (tiles.some(({ pixels }) => pixels[0] === FAILS)) throw new Error('a run failed');
    return tiles.map(({ pixels }) => pixels.slice(0, 2).map((value) => value * 2));
  }
}

/** A tile with this value makes its run fail. */
export const FAILS = -1;
