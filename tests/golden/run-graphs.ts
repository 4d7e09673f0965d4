import type { Model } from '@diptych/models';
import { type Binding, type ElementType, Session, Tensor, type TensorData } from '@diptych/onnxruntime';

/** The two compiled graphs of a model, run directly: no service, no engine. */
export class Graphs implements Disposable {
  readonly #model: Model;
  readonly #vision: Session;
  readonly #language: Session;

  static async load(model: Model): Promise<Graphs> {
    const vision = await Session.load(model.vision.graphPath, { intraOpThreads: 1 });
    return new Graphs(model, vision, await Session.load(model.language.graphPath, { intraOpThreads: 1 }));
  }

  private constructor(model: Model, vision: Session, language: Session) {
    this.#model = model;
    this.#vision = vision;
    this.#language = language;
  }

  /** Features [tiles, tokensPerTile, hidden] of pixels [tiles, 3, size, size]. */
  async encode(pixels: Float32Array): Promise<Float32Array> {
    const { tileSize, tokensPerTile, hiddenSize } = this.#model.vision;
    const tiles = pixels.length / (3 * tileSize * tileSize);
    const features = new Float32Array(tiles * tokensPerTile * hiddenSize);
    await run(this.#vision, ({ input, output }) => {
      input('pixel_values', 'float32', [tiles, 3, tileSize, tileSize], pixels);
      output('image_features', 'float32', [tiles, tokensPerTile, hiddenSize], features);
    });
    return features;
  }

  /** An empty cache for one sequence of at most `capacity` tokens. */
  emptyCache(capacity: number): Cache {
    const { layers, kvHeads, headDim } = this.#model.language;
    const allocate = () => new Float32Array(kvHeads * capacity * headDim);
    return {
      capacity,
      keys: Array.from({ length: layers }, allocate),
      values: Array.from({ length: layers }, allocate),
    };
  }

  /** Logits [positions, vocab] of the ids, which follow `past` tokens in the cache. */
  async step({ cache, past, ids, features = NONE, positions }: Step): Promise<Float32Array> {
    const { kvHeads, headDim, hiddenSize, vocabSize, imageTokenId } = this.#model.language;
    const images = features === NONE ? [] : ids.flatMap((id, index) => (id === imageTokenId ? [index] : []));
    const logits = new Float32Array(positions.length * vocabSize);
    const shape = [1, kvHeads, cache.capacity, headDim];
    await run(this.#language, ({ input, output, both }) => {
      input('input_ids', 'int64', [1, ids.length], BigInt64Array.from(ids, BigInt));
      input('image_features', 'float32', [images.length, hiddenSize], features);
      input('image_positions', 'int64', [images.length, 1], BigInt64Array.from(images, BigInt));
      input('logit_positions', 'int64', [positions.length], BigInt64Array.from(positions, BigInt));
      input('seqlens_k', 'int32', [1], Int32Array.of(past + ids.length - 1));
      input('total_sequence_length', 'int32', [1], Int32Array.of(past + ids.length));
      cache.keys.forEach((data, layer) => both(`past_key.${layer}`, `present_key.${layer}`, shape, data));
      cache.values.forEach((data, layer) =>
        both(`past_value.${layer}`, `present_value.${layer}`, shape, data),
      );
      output('logits', 'float32', [positions.length, vocabSize], logits);
    });
    return logits;
  }

  [Symbol.dispose](): void {
    this.#vision[Symbol.dispose]();
    this.#language[Symbol.dispose]();
  }
}

/** The KV cache of one sequence: for each layer [kvHeads, capacity, headDim]. */
export interface Cache {
  readonly capacity: number;
  readonly keys: readonly Float32Array[];
  readonly values: readonly Float32Array[];
}

/** One run of the language graph over one sequence. */
export interface Step {
  readonly cache: Cache;
  /** Tokens that the cache holds already. */
  readonly past: number;
  readonly ids: readonly number[];
  /** Rows for the image tokens among the ids, in order. */
  readonly features?: Float32Array;
  /** Which of the ids' positions to give logits for. */
  readonly positions: readonly number[];
}

const NONE = new Float32Array(0);

type BindArray = (name: string, type: ElementType, shape: readonly number[], data: TensorData) => void;

interface Binder {
  readonly input: BindArray;
  readonly output: BindArray;
  /** A float32 array that is read as one name and written as another. */
  readonly both: (input: string, output: string, shape: readonly number[], data: Float32Array) => void;
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
    both: (input, output, shape, data) => {
      const tensor = scope.use(Tensor.over('float32', shape, data));
      binding.bindInput(input, tensor);
      binding.bindOutput(output, tensor);
    },
  };
}
