import assert from 'node:assert/strict';
import type { Size, Tile } from '@diptych/image';
import { type CompiledGraph, openSession, type VisionDescription } from '@diptych/models';
import { type Session, Tensor } from '@diptych/onnxruntime';

/**
 * Tiles of one run. A tile has a thousand patches, which fill the cores by themselves: more tiles would only make
 * other requests wait longer for their turn. Two let the small ones share the cost of a run.
 */
const TILES_PER_RUN = 2;

/**
 * Pixels of the tiles that share a run: two of 512 by 512, a usual tile. A larger one, as models of native aspect make
 * them, fills the cores alone.
 */
const SHARED_PIXELS = TILES_PER_RUN * 512 * 512;

/** How the encoder uses the machine. */
export interface VisionEncoderOptions {
  /** Threads of one run. */
  readonly threads: number;
}

/** What the encoder needs to know of a model. */
export type EncoderModel = Pick<VisionDescription, 'hiddenSize' | 'rowsPerTile' | 'warmUpTile'>;

/** What encodes tiles, for queues and specs. */
export interface TileEncoder {
  /** Values of one tile's features, whatever its size: rows x hidden size. */
  readonly featureValues: number;
  /** Most tiles of this size that one run takes. */
  maxTiles(tile: Size): number;
  /**
   * Encodes up to `maxTiles` tiles of one size in one run. The answer has one view for each tile and is overwritten by
   * the next run. One run at a time; the tiles' pixels must not change until it ends.
   */
  run(tiles: readonly Tile[]): Promise<readonly Float32Array[]>;
}

/**
 * Vision encoder and connector of one model. Its memory does not depend on how many sizes of tiles it has seen: pixels
 * of several tiles and all features go through buffers that are allocated once, one tile alone is read where it lies.
 */
export class VisionEncoder implements TileEncoder, Disposable {
  readonly featureValues: number;
  readonly #session: Session;
  readonly #vision: EncoderModel;
  readonly #pixels = new Float32Array(3 * SHARED_PIXELS);
  readonly #features: Float32Array<ArrayBuffer>;
  #running = false;

  /** Loads the compiled graph. Throws `runtime_failed` with the path where it cannot be loaded. */
  static async load(
    vision: EncoderModel & CompiledGraph,
    options: VisionEncoderOptions,
  ): Promise<VisionEncoder> {
    const session = await openSession(vision.graphPath, {
      intraOpThreads: options.threads,
      // The stages share the cores of a small machine; a waiting encoder must not burn them.
      allowSpinning: false,
    });
    return new VisionEncoder(session, vision);
  }

  private constructor(session: Session, vision: EncoderModel) {
    this.#session = session;
    this.#vision = vision;
    this.featureValues = vision.rowsPerTile * vision.hiddenSize;
    this.#features = new Float32Array(TILES_PER_RUN * this.featureValues);
  }

  maxTiles({ width, height }: Size): number {
    return Math.max(1, Math.min(TILES_PER_RUN, Math.floor(SHARED_PIXELS / (width * height))));
  }

  /** Runs one usual tile, so that the first request does not pay for first allocations. */
  async warmUp(): Promise<void> {
    const { warmUpTile: size } = this.#vision;
    await this.run([{ ...size, pixels: new Float32Array(3 * size.width * size.height) }]);
  }

  async run(tiles: readonly Tile[]): Promise<readonly Float32Array[]> {
    assert.ok(!this.#running, 'one run at a time');
    this.#running = true;
    try {
      await this.#encode(tiles);
    } finally {
      this.#running = false;
    }
    return tiles.map((_, index) =>
      this.#features.subarray(index * this.featureValues, (index + 1) * this.featureValues),
    );
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }

  async #encode(tiles: readonly Tile[]): Promise<void> {
    const { width, height } = oneSize(tiles);
    assert.ok(tiles.length <= this.maxTiles({ width, height }), 'a run of at most maxTiles tiles');
    const { rowsPerTile, hiddenSize } = this.#vision;
    const features = this.#features.subarray(0, tiles.length * this.featureValues);
    using scope = new DisposableStack();
    const binding = scope.use(this.#session.createBinding());
    const bind = (shape: readonly number[], data: Float32Array) =>
      scope.use(Tensor.over('float32', shape, data));
    binding.bindInput('pixel_values', bind([tiles.length, 3, height, width], this.#pixelsOf(tiles)));
    binding.bindOutput('image_features', bind([tiles.length, rowsPerTile, hiddenSize], features));
    await this.#session.run(binding);
  }

  /** The tiles' pixels one after the other. */
  #pixelsOf(tiles: readonly Tile[]): Float32Array {
    const [first] = tiles;
    if (tiles.length === 1 && first) return first.pixels;
    let end = 0;
    for (const { pixels } of tiles) {
      this.#pixels.set(pixels, end);
      end += pixels.length;
    }
    return this.#pixels.subarray(0, end);
  }
}

function oneSize([first, ...others]: readonly Tile[]): Size {
  assert.ok(first, 'a run has tiles');
  assert.ok(
    others.every(({ width, height }) => width === first.width && height === first.height),
    'the tiles of a run have one size',
  );
  return first;
}
