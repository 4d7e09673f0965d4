import { reasonOf } from '@diptych/errors';
import type { Size, Tile } from '@diptych/image';
import { Stopwatch } from '@diptych/telemetry';
import type { TileEncoder } from './encoder.ts';

/** Features of one image's tiles, and what they cost. */
export interface EncodedTiles {
  /** Shape [tiles, rows of a tile, hidden], the caller's own. */
  readonly features: Float32Array<ArrayBuffer>;
  /** From entering the queue to the first run with a tile of this image, in milliseconds. */
  readonly queueMs: number;
  /** From there to the end of the last one. */
  readonly encodeMs: number;
}

/**
 * Shares one encoder between images: runs take tiles from the waiting images in turn, so that an image of one
 * tile does not wait for all seventeen of another. The image whose turn it is decides the size of a run's tiles; others
 * join with tiles of the same size, and keep their turn where they have none. Features of a tile do not depend on its
 * neighbours in a run.
 */
export class EncodeQueue {
  readonly #encoder: TileEncoder;
  /** Images with tiles that no run has taken, the next in turn first. */
  #waiting: Job[] = [];
  #working: Promise<void> | undefined;

  constructor(encoder: TileEncoder) {
    this.#encoder = encoder;
  }

  /**
   * Encodes the tiles of one image.
   *
   * @param tiles one or more; their pixels must not change until the promise settles
   * @param signal leaves the queue; the promise then rejects with its reason
   */
  encode(tiles: readonly Tile[], signal: AbortSignal): Promise<EncodedTiles> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(reasonOf(signal));
      const job = this.#createJob(tiles, resolve, reject);
      const leave = () => this.#fail(job, reasonOf(signal));
      signal.addEventListener('abort', leave, { once: true });
      job.cleanUp = () => signal.removeEventListener('abort', leave);
      this.#waiting.push(job);
      this.#working ??= this.#work();
    });
  }

  /** Settles once no run is under way and nothing waits. */
  async idle(): Promise<void> {
    await this.#working;
  }

  #createJob(tiles: readonly Tile[], resolve: Job['resolve'], reject: Job['reject']): Job {
    return {
      tiles,
      features: new Float32Array(tiles.length * this.#encoder.featureValues),
      watch: new Stopwatch(),
      taken: 0,
      encoded: 0,
      queueMs: 0,
      settled: false,
      cleanUp: () => undefined,
      resolve,
      reject,
    };
  }

  /** Runs until nothing waits. One run that fails fails the images in it, and no other. */
  async #work(): Promise<void> {
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
      try {
        const features = await this.#encoder.run(batch.map(({ tile }) => tile));
        batch.forEach((entry, index) => this.#store(entry, features[index]));
      } catch (error) {
        const failure = error instanceof Error ? error : new Error(String(error));
        for (const { job } of batch) this.#fail(job, failure);
      }
    }
    this.#working = undefined;
  }

  /** One tile of each waiting image in turn, all of one size, until the run is full. */
  #nextBatch(): readonly BatchEntry[] {
    const batch: BatchEntry[] = [];
    let most = 1;
    while (batch.length < most) {
      const entry = this.#take(batch[0]?.tile);
      if (entry === undefined) break;
      batch.push(entry);
      most = this.#encoder.maxTiles(entry.tile);
    }
    return batch;
  }

  /** The next tile of the first image in turn, or of the first whose next tile has the given size. */
  #take(size: Size | undefined): BatchEntry | undefined {
    const turn = this.#waiting.findIndex((job) => size === undefined || hasSize(job.tiles[job.taken], size));
    const [job] = turn < 0 ? [] : this.#waiting.splice(turn, 1);
    const tile = job?.tiles[job.taken];
    if (job === undefined || tile === undefined) return undefined;
    if (job.taken === 0) job.queueMs = job.watch.lap();
    const entry = { job, tile, index: job.taken };
    job.taken += 1;
    if (job.taken < job.tiles.length) this.#waiting.push(job);
    return entry;
  }

  #store({ job, index }: BatchEntry, features: Float32Array | undefined): void {
    if (features === undefined || job.settled) return;
    job.features.set(features, index * this.#encoder.featureValues);
    job.encoded += 1;
    if (job.encoded < job.tiles.length) return;
    this.#settle(job);
    job.resolve({ features: job.features, queueMs: job.queueMs, encodeMs: job.watch.lap() });
  }

  #fail(job: Job, error: Error): void {
    if (job.settled) return;
    this.#settle(job);
    job.reject(error);
  }

  #settle(job: Job): void {
    job.settled = true;
    job.cleanUp();
    this.#waiting = this.#waiting.filter((other) => other !== job);
  }
}

interface Job {
  readonly tiles: readonly Tile[];
  readonly features: Float32Array<ArrayBuffer>;
  readonly watch: Stopwatch;
  /** Tiles that runs have taken; the next one's index. */
  taken: number;
  encoded: number;
  queueMs: number;
  settled: boolean;
  cleanUp: () => void;
  readonly resolve: (encoded: EncodedTiles) => void;
  readonly reject: (error: Error) => void;
}

interface BatchEntry {
  readonly job: Job;
  readonly tile: Tile;
  /** Of the tile in its image. */
  readonly index: number;
}

function hasSize(tile: Tile | undefined, { width, height }: Size): boolean {
  return tile?.width === width && tile.height === height;
}
