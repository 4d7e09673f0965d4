import {
  cachedAttention,
  type GraphBuilder,
  gatedMlp,
  linear,
  packedLinear,
  type RotaryEmbedding,
  rmsNorm,
  rotaryEmbedding,
  skipRmsNorm,
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
  const { output, presentKey, presentValue } = cachedAttention(graph, {
    qkv: projectPacked(graph, input, layer),
    heads: config.heads,
    kvHeads: config.kvHeads,
    headDim: config.headDim,
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
  const weights = tensors.linear('self_attn.o_proj', config.hiddenSize, width, { bias });
  return linear(graph, output, weights, { coarsest: isOuter(index, config.layers) ? 'int8' : undefined });
}

/**
 * Query, key and value projections as one product, or as two where keys and values are finer than queries: there
 * are few of them, and every position reads them from the cache, so that four bits cost them the most accuracy.
 */
function projectPacked(graph: GraphBuilder, input: Value, { config, tensors, index }: LayerOptions): Value {
  const { headDim, hiddenSize, qkvBias: bias } = config;
  const project = (name: string, heads: number) =>
    tensors.linear(`self_attn.${name}`, heads * headDim, hiddenSize, { bias });
  return packedLinear(graph, input, `layers.${index}.qkv`, [
    project('q_proj', config.heads),
    { ...project('k_proj', config.kvHeads), coarsest: 'int8' },
    { ...project('v_proj', config.kvHeads), coarsest: 'int8' },
  ]);
}

function mlp(graph: GraphBuilder, input: Value, { config, tensors, index }: LayerOptions): Value {
  const { hiddenSize, intermediateSize, mlpBias: bias } = config;
  return gatedMlp(graph, input, {
    gate: tensors.linear('mlp.gate_proj', intermediateSize, hiddenSize, { bias }),
    up: {
      ...tensors.linear('mlp.up_proj', intermediateSize, hiddenSize, { bias }),
      coarsest: isOuter(index, config.layers) ? 'int8' : undefined,
    },
    down: {
      ...tensors.linear('mlp.down_proj', hiddenSize, intermediateSize, { bias }),
      coarsest: needsFineDown(index, config.layers) ? 'int8' : undefined,
    },
    activation: config.activation,
  });
}

/**
 * Whether a layer's down projection is kept at int8 in int4 models. Its inputs have the largest outliers, so that four
 * bits cost it the most of all: the outer layers' and two of three between them get more, which are about as many as fit
 * into a fifth of float32's bytes (docs/weights.md). llama.cpp chooses alike (`use_more_bits`).
 */
function needsFineDown(index: number, layers: number): boolean {
  return isOuter(index, layers) || (index - Math.floor(layers / 8)) % 3 !== 0;
}

/** Whether a layer is of the first or the last eighth, where four bits cost two to three times as much as between. */
function isOuter(index: number, layers: number): boolean {
  return index < Math.floor(layers / 8) || index >= Math.floor((7 * layers) / 8);
}
