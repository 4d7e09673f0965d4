import {
  type GraphBuilder,
  gatedMlp,
  groupQueryAttention,
  type LinearWeights,
  linear,
  type RotaryEmbedding,
  rmsNorm,
  rotaryEmbedding,
  skipRmsNorm,
  stackRows,
  type Value,
} from '@diptych/onnx-graph';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';
import type { LanguageInputs } from '../language-io.ts';
import type { DecoderConfig } from './decoder-config.ts';

/** How a decoder is put into a graph. */
export interface DecoderOptions {
  readonly config: DecoderConfig;
  /** Tensors of the decoder: `layers`, `norm`. */
  readonly tensors: CheckpointTensors;
  /** The graph's inputs, the KV cache among them. */
  readonly inputs: LanguageInputs;
}

/**
 * A decoder's layers over embeddings [batch, length, hidden]: the residual stream after the last layer, before the
 * final norm, and each layer's cache as an output `present_key.N`, `present_value.N`. Llama, Mistral and Qwen2 differ
 * only in what the configuration says: windows and biases. transformers' LlamaModel, MistralModel and Qwen2Model.
 */
export function decoderLayers(graph: GraphBuilder, embeddings: Value, options: DecoderOptions): Value {
  const { config, tensors } = options;
  const rotary = rotaryEmbedding(graph, {
    headDim: config.headDim,
    theta: config.rope.theta,
    scaling: config.rope.scaling,
    maxPositions: config.maxPositions,
  });
  let stream = embeddings;
  let branch: Value | undefined;
  for (let index = 0; index < config.layers; index++) {
    const layer = { ...options, index, tensors: tensors.within(`layers.${index}`) };
    const entered = addAndNorm(graph, stream, branch, config, layer.tensors.within('input_layernorm'));
    const attended = attention(graph, entered.normalized, rotary, layer);
    const middle = addAndNorm(
      graph,
      entered.sum,
      attended,
      config,
      layer.tensors.within('post_attention_layernorm'),
    );
    stream = middle.sum;
    branch = mlp(graph, middle.normalized, layer);
  }
  return branch ? graph.op('Add', [stream, branch]) : stream;
}

/** The norm after the last layer, over rows [rows, hidden]. */
export function decoderFinalNorm(
  graph: GraphBuilder,
  rows: Value,
  config: DecoderConfig,
  tensors: CheckpointTensors,
) {
  return rmsNorm(graph, rows, normOptions(config, tensors.within('norm')));
}

interface LayerOptions extends DecoderOptions {
  readonly index: number;
}

/** The residual stream with a branch added, and its norm; the first layer has no branch yet. */
function addAndNorm(
  graph: GraphBuilder,
  stream: Value,
  branch: Value | undefined,
  config: DecoderConfig,
  tensors: CheckpointTensors,
) {
  const options = normOptions(config, tensors);
  if (branch) return skipRmsNorm(graph, stream, branch, options);
  return { normalized: rmsNorm(graph, stream, options), sum: stream };
}

function normOptions(config: DecoderConfig, tensors: CheckpointTensors) {
  return { weight: tensors.tensor('weight', [config.hiddenSize]), epsilon: config.rmsNormEpsilon };
}

function attention(graph: GraphBuilder, input: Value, rotary: RotaryEmbedding, layer: LayerOptions): Value {
  const { config, tensors, inputs, index } = layer;
  const cache = inputs.cache(index);
  const window = config.slidingWindows[index];
  const { output, presentKey, presentValue } = groupQueryAttention(graph, {
    qkv: linear(graph, input, packedProjections(config, tensors.within('self_attn'), index)),
    heads: config.heads,
    kvHeads: config.kvHeads,
    rotary,
    ...(window !== undefined && { slidingWindow: window }),
    pastKey: cache.pastKey,
    pastValue: cache.pastValue,
    seqlensK: inputs.seqlensK,
    totalSequenceLength: inputs.totalSequenceLength,
  });
  cache.present(presentKey, presentValue);
  const width = config.heads * config.headDim;
  const bias = config.outputBias;
  return linear(graph, output, tensors.linear('self_attn.o_proj', config.hiddenSize, width, { bias }));
}

/** Query, key and value projections as one: one product a layer instead of three. */
function packedProjections(config: DecoderConfig, tensors: CheckpointTensors, index: number): LinearWeights {
  const { headDim, hiddenSize, qkvBias: bias } = config;
  const query = tensors.linear('q_proj', config.heads * headDim, hiddenSize, { bias });
  const key = tensors.linear('k_proj', config.kvHeads * headDim, hiddenSize, { bias });
  const value = tensors.linear('v_proj', config.kvHeads * headDim, hiddenSize, { bias });
  const name = `layers.${index}.qkv`;
  const biases = [query.bias, key.bias, value.bias].filter((part) => part !== undefined);
  return {
    weight: stackRows(`${name}.weight`, [query.weight, key.weight, value.weight]),
    bias: bias ? stackRows(`${name}.bias`, biases) : undefined,
  };
}

function mlp(graph: GraphBuilder, input: Value, { config, tensors }: LayerOptions): Value {
  const { hiddenSize, intermediateSize, mlpBias: bias } = config;
  return gatedMlp(graph, input, {
    gate: tensors.linear('mlp.gate_proj', intermediateSize, hiddenSize, { bias }),
    up: tensors.linear('mlp.up_proj', intermediateSize, hiddenSize, { bias }),
    down: tensors.linear('mlp.down_proj', hiddenSize, intermediateSize, { bias }),
    activation: config.activation,
  });
}
