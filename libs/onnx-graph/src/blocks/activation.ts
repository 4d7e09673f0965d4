import { DiptychError } from '@diptych/errors';
import type { GraphBuilder } from '../graph-builder.ts';
import type { Value } from '../value.ts';

/**
 * An activation by its name in a Hugging Face configuration (transformers' ACT2FN), element by element.
 *
 * @param field Path of the configuration field that named it, for the error.
 * @throws DiptychError `checkpoint_invalid` for a name that is not supported.
 */
export function activation(graph: GraphBuilder, input: Value, name: string, field = 'hidden_act'): Value {
  if (!isActivation(name)) {
    throw new DiptychError(
      'checkpoint_invalid',
      `${field} in config.json is "${name}"; supported are ${Object.keys(ACTIVATIONS).join(', ')}.`,
      { param: field },
    );
  }
  return ACTIVATIONS[name](graph, input);
}

type Activation = (graph: GraphBuilder, input: Value) => Value;

/** ½x(1 + erf(x/√2)), or its approximation by tanh: ONNX `Gelu`. */
const gelu =
  (approximate: 'none' | 'tanh'): Activation =>
  (graph, input) =>
    graph.op('Gelu', [input], { approximate });

/** x·sigmoid(αx): com.microsoft `QuickGelu`, which is SiLU with α = 1. */
const sigmoidGate =
  (alpha: number): Activation =>
  (graph, input) =>
    graph.op('QuickGelu', [input], { alpha: { float: alpha } }, { domain: 'com.microsoft' });

const ACTIVATIONS = {
  gelu: gelu('none'),
  gelu_pytorch_tanh: gelu('tanh'),
  gelu_new: gelu('tanh'),
  gelu_fast: gelu('tanh'),
  quick_gelu: sigmoidGate(1.702),
  silu: sigmoidGate(1),
  swish: sigmoidGate(1),
  relu: (graph, input) => graph.op('Relu', [input]),
} satisfies Record<string, Activation>;

function isActivation(name: string): name is keyof typeof ACTIVATIONS {
  return Object.hasOwn(ACTIVATIONS, name);
}
