import { reasonOf } from '@diptych/errors';
import { Stopwatch } from '@diptych/telemetry';
import type { TileEncoder } from './encoder.ts';

/** Features of one image's tiles, and what they cost. */
export interface EncodedTiles {
  /** Shape [tiles, tokens, hidden], the caller's own. */
  readonly features: Float32Array<ArrayBuffer>;
  /** From entering the queue to the first run with a tile of this image, in milliseconds. */
  readonly queueMs: number;
  /** From there to the end of the last one. */
  readonly encodeMs: number;
}

/**
 * Shares one encoder between images: runs take tiles from the waiting images in turn, so that an image of one
 * tile does not wait for all seventeen of another. Features of a tile do not depend on its neighbours in a run.
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
   * @param tiles shape [count, 3, size, size]; must not change until the promise settles
   * @param signal leaves the queue; the promise then rejects with its reason
   */
  encode(tiles: Float32Array, signal: AbortSignal): Promise<EncodedTiles> {
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

  #createJob(tiles: Float32Array, resolve: Job['resolve'], reject: Job['reject']): Job {
    const count = tiles.length / this.#encoder.tileValues;
    return {
      tiles,
      count,
      features: new Float32Array(count * this.#encoder.featureValues),
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
        const features = await this.#encoder.run(batch.map(({ job, tile }) => this.#tileOf(job, tile)));
        batch.forEach((entry, index) => this.#store(entry, features[index]));
      } catch (error) {
        const failure = error instanceof Error ? error : new Error(String(error));
        for (const { job } of batch) this.#fail(job, failure);
      }
    }
    this.#working = undefined;
  }

  /** One tile of each waiting image in turn, until the run is full. */
  #nextBatch(): readonly BatchEntry[] {
    const batch: BatchEntry[] = [];
    while (batch.length < this.#encoder.maxTiles) {
      const job = this.#waiting.shift();
      if (job === undefined) break;
      if (job.taken === 0) job.queueMs = job.watch.lap();
      batch.push({ job, tile: job.taken });
      job.taken += 1;
      if (job.taken < job.count) this.#waiting.push(job);
    }
    return batch;
  }

  #tileOf(job: Job, tile: number): Float32Array {
    const { tileValues } = this.#encoder;
    return job.tiles.subarray(tile * tileValues, (tile + 1) * tileValues);
  }

  #store({ job, tile }: BatchEntry, features: Float32Array | undefined): void {
    if (features === undefined || job.settled) return;
    job.features.set(features, tile * this.#encoder.featureValues);
    job.encoded += 1;
    if (job.encoded < job.count) return;
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
  readonly tiles: Float32Array;
  readonly count: number;
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
  readonly tile: number;
}
