import assert from 'node:assert/strict';
import type { CompiledGraph, VisionDescription } from '@diptych/models';
import { type Binding, Session, Tensor } from '@diptych/onnxruntime';

/**
 * Tiles of one run. A tile has a thousand patches, which fill the cores by themselves: more tiles would only make
 * other requests wait longer for their turn. Two let the small ones share the cost of a run.
 */
const TILES_PER_RUN = 2;

/** How the encoder uses the machine. */
export interface VisionEncoderOptions {
  /** Threads of one run. */
  readonly threads: number;
}

/** What encodes tiles, for queues and specs. */
export interface TileEncoder {
  /** Most tiles of one run. */
  readonly maxTiles: number;
  /** Values of one tile: 3 x size x size. */
  readonly tileValues: number;
  /** Values of one tile's features: tokens x hidden size. */
  readonly featureValues: number;
  /**
   * Encodes up to `maxTiles` tiles in one run. The answer has one view for each tile and is overwritten by the
   * next run. One run at a time.
   */
  run(tiles: readonly Float32Array[]): Promise<readonly Float32Array[]>;
}

/** Vision encoder and connector of one model over buffers that are allocated once. */
export class VisionEncoder implements TileEncoder, Disposable {
  readonly maxTiles = TILES_PER_RUN;
  readonly tileValues: number;
  readonly featureValues: number;
  readonly #session: Session;
  readonly #pixels: Float32Array<ArrayBuffer>;
  readonly #features: Float32Array<ArrayBuffer>;
  readonly #runs: readonly BoundRun[];
  #running = false;

  /** Loads the compiled graph. Throws `runtime_failed` with the path where it cannot be loaded. */
  static async load(
    vision: VisionDescription & CompiledGraph,
    options: VisionEncoderOptions,
  ): Promise<VisionEncoder> {
    const session = await Session.load(vision.graphPath, {
      intraOpThreads: options.threads,
      // The stages share the cores of a small machine; a waiting encoder must not burn them.
      allowSpinning: false,
    });
    return new VisionEncoder(session, vision);
  }

  private constructor(session: Session, vision: VisionDescription) {
    this.#session = session;
    const { tileSize, tokensPerTile, hiddenSize } = vision;
    this.tileValues = 3 * tileSize * tileSize;
    this.featureValues = tokensPerTile * hiddenSize;
    this.#pixels = new Float32Array(TILES_PER_RUN * this.tileValues);
    this.#features = new Float32Array(TILES_PER_RUN * this.featureValues);
    this.#runs = Array.from({ length: TILES_PER_RUN }, (_, index) => this.#bind(index + 1, vision));
  }

  /** Runs every batch size once, so that the first request does not pay for first allocations. */
  async warmUp(): Promise<void> {
    const tile = new Float32Array(this.tileValues);
    for (let count = 1; count <= TILES_PER_RUN; count += 1)
      await this.run(Array<Float32Array>(count).fill(tile));
  }

  async run(tiles: readonly Float32Array[]): Promise<readonly Float32Array[]> {
    const bound = this.#runs[tiles.length - 1];
    assert.ok(bound !== undefined && !this.#running, 'one run of 1 to maxTiles tiles at a time');
    tiles.forEach((tile, index) => this.#pixels.set(tile, index * this.tileValues));
    this.#running = true;
    try {
      await this.#session.run(bound.binding);
    } finally {
      this.#running = false;
    }
    return tiles.map((_, index) =>
      this.#features.subarray(index * this.featureValues, (index + 1) * this.featureValues),
    );
  }

  [Symbol.dispose](): void {
    for (const { binding, tensors } of this.#runs) {
      binding[Symbol.dispose]();
      for (const tensor of tensors) tensor[Symbol.dispose]();
    }
    this.#session[Symbol.dispose]();
  }

  #bind(tiles: number, { tileSize, tokensPerTile, hiddenSize }: VisionDescription): BoundRun {
    const pixels = Tensor.over(
      'float32',
      [tiles, 3, tileSize, tileSize],
      this.#pixels.subarray(0, tiles * this.tileValues),
    );
    const features = Tensor.over(
      'float32',
      [tiles, tokensPerTile, hiddenSize],
      this.#features.subarray(0, tiles * this.featureValues),
    );
    const binding = this.#session.createBinding();
    binding.bindInput('pixel_values', pixels);
    binding.bindOutput('image_features', features);
    return { binding, tensors: [pixels, features] };
  }
}

interface BoundRun {
  readonly binding: Binding;
  readonly tensors: readonly Tensor[];
}
