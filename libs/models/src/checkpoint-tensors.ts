import type { CheckpointWeights } from '@diptych/checkpoint';
import type { LinearWeights, WeightSource } from '@diptych/onnx-graph';

/**
 * Tensors of a checkpoint below a prefix, as sources for a graph: each must be of a type and of the shape that
 * the configuration asks for, and nothing is read before the graph is saved.
 */
export class CheckpointTensors {
  readonly #weights: CheckpointWeights;
  readonly #prefix: string;

  constructor(weights: CheckpointWeights, prefix = '') {
    this.#weights = weights;
    this.#prefix = prefix;
  }

  /** The tensors below `prefix.name`. */
  within(name: string): CheckpointTensors {
    return new CheckpointTensors(this.#weights, `${this.#prefix}${name}.`);
  }

  /** Whether the checkpoint holds this tensor. */
  has(name: string): boolean {
    return this.#weights.has(this.#prefix + name);
  }

  /**
   * One tensor.
   *
   * @throws DiptychError `checkpoint_invalid`, naming file and tensor, where it is missing, of another shape, or neither
   *   F32, F16 nor BF16.
   */
  tensor(name: string, shape: readonly number[]): WeightSource {
    const full = this.#prefix + name;
    return { name: full, shape, parts: [{ ...this.#weights.locate(full, shape), tensor: full }] };
  }

  /** Weight [outputs, inputs] and, where the layer has one, bias [outputs] of a linear layer. */
  linear(name: string, outputs: number, inputs: number, options: { readonly bias: boolean }): LinearWeights {
    return {
      weight: this.tensor(`${name}.weight`, [outputs, inputs]),
      bias: options.bias ? this.tensor(`${name}.bias`, [outputs]) : undefined,
    };
  }
}
