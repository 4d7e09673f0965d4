import type { Tile, TileGrid } from '@diptych/image';
import { type LoadedModel, openSession } from '@diptych/models';
import { type Binding, type ElementType, type Session, Tensor, type TensorData } from '@diptych/onnxruntime';
import { concat } from './concat.ts';

/** The two compiled graphs of a model, run directly: no service, no engine. */
export class Graphs implements Disposable {
  readonly #model: LoadedModel;
  readonly #vision: Session;
  readonly #language: Session;

  static async load(model: LoadedModel): Promise<Graphs> {
    const vision = await openSession(model.vision.graphPath, { intraOpThreads: 1 });
    return new Graphs(model, vision, await openSession(model.language.graphPath, { intraOpThreads: 1 }));
  }

  private constructor(model: LoadedModel, vision: Session, language: Session) {
    this.#model = model;
    this.#vision = vision;
    this.#language = language;
  }

  /** Features [rows of the prompt, hidden] of an image's tiles; neighbours of one size share a run. */
  async encode(tiles: readonly Tile[], grid: TileGrid): Promise<Float32Array> {
    const encoded: Float32Array[] = [];
    for (const run of runsOf(tiles)) encoded.push(await this.encodeRun(run));
    return this.#selectRows(concat(encoded), grid);
  }

  /** Features [tiles, rowsPerTile, hidden] of tiles of one size in one run. */
  async encodeRun(tiles: readonly Tile[]): Promise<Float32Array> {
    const { rowsPerTile, hiddenSize } = this.#model.vision;
    const { width = 0, height = 0 } = tiles[0] ?? {};
    const pixels = concat(tiles.map((tile) => tile.pixels));
    const features = new Float32Array(tiles.length * rowsPerTile * hiddenSize);
    await run(this.#vision, ({ input, output }) => {
      input('pixel_values', 'float32', [tiles.length, 3, height, width], pixels);
      output('image_features', 'float32', [tiles.length, rowsPerTile, hiddenSize], features);
    });
    return features;
  }

  #selectRows(rows: Float32Array, grid: TileGrid): Float32Array {
    const { vision } = this.#model;
    const chosen = vision.selectRows?.(grid);
    if (chosen === undefined) return rows;
    const row = (index: number) => rows.subarray(index * vision.hiddenSize, (index + 1) * vision.hiddenSize);
    return concat(Array.from(chosen, row));
  }

  /** Logits [positions, vocab] of a whole prompt in one step, with rows of features for its image tokens. */
  async prefill(
    ids: readonly number[],
    features: Float32Array,
    positions: readonly number[],
  ): Promise<Float32Array> {
    const { layers, kvHeads, headDim, hiddenSize, vocabSize, imageTokenId } = this.#model.language;
    const images = ids.flatMap((id, index) => (id === imageTokenId ? [index] : []));
    const logits = new Float32Array(positions.length * vocabSize);
    const cache = [1, kvHeads, ids.length, headDim];
    await run(this.#language, ({ input, output, both }) => {
      input('input_ids', 'int64', [1, ids.length], BigInt64Array.from(ids, BigInt));
      input('image_features', 'float32', [images.length, hiddenSize], features);
      input('image_positions', 'int64', [images.length, 1], BigInt64Array.from(images, BigInt));
      input('logit_positions', 'int64', [positions.length], BigInt64Array.from(positions, BigInt));
      input('seqlens_k', 'int32', [1], Int32Array.of(ids.length - 1));
      input('total_sequence_length', 'int32', [1], Int32Array.of(ids.length));
      for (let layer = 0; layer < layers; layer++) {
        both(`past_key.${layer}`, `present_key.${layer}`, cache);
        both(`past_value.${layer}`, `present_value.${layer}`, cache);
      }
      output('logits', 'float32', [positions.length, vocabSize], logits);
    });
    return logits;
  }

  [Symbol.dispose](): void {
    this.#vision[Symbol.dispose]();
    this.#language[Symbol.dispose]();
  }
}

function runsOf(tiles: readonly Tile[]): Tile[][] {
  const runs: Tile[][] = [];
  for (const tile of tiles) {
    const [before] = runs.at(-1) ?? [];
    if (before?.width === tile.width && before.height === tile.height) runs.at(-1)?.push(tile);
    else runs.push([tile]);
  }
  return runs;
}

type BindArray = (name: string, type: ElementType, shape: readonly number[], data: TensorData) => void;

interface Binder {
  readonly input: BindArray;
  readonly output: BindArray;
  /** A new float32 tensor that is read as one name and written as another. */
  readonly both: (input: string, output: string, shape: readonly number[]) => void;
}

async function run(session: Session, bind: (binder: Binder) => void): Promise<void> {
  using scope = new DisposableStack();
  const binding = scope.use(session.createBinding());
  bind(binderOver(binding, scope));
  await session.run(binding);
}

function binderOver(binding: Binding, scope: DisposableStack): Binder {
  return {
    input: (name, type, shape, data) => binding.bindInput(name, scope.use(Tensor.over(type, shape, data))),
    output: (name, type, shape, data) => binding.bindOutput(name, scope.use(Tensor.over(type, shape, data))),
    both: (input, output, shape) => {
      const tensor = scope.use(Tensor.allocate('float32', shape));
      binding.bindInput(input, tensor);
      binding.bindOutput(output, tensor);
    },
  };
}
