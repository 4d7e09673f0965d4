import {
  embedding,
  GraphBuilder,
  type RotaryEmbedding,
  rmsNorm,
  rotaryEmbedding,
  skipRmsNorm,
  stackRows,
  type Value,
} from '@diptych/onnx-graph';
import { type ExportSource, int64, linear, MICROSOFT, tensor, textNumber } from './graph-parts.ts';

/** TensorProto.DataType of int32. */
const INT32 = 6;

/** `embed_tokens`: int64 [batch, length] -> `inputs_embeds` float32 [batch, length, hidden]. */
export function embeddingGraph(source: ExportSource): GraphBuilder {
  const { hidden, vocabulary } = source.shape.decoder;
  const weights = source.precision === 'fp32' ? 'float32' : 'int8';
  const graph = new GraphBuilder({ name: 'embed_tokens', weights });
  const ids = graph.input('input_ids', 'int64', ['batch_size', 'sequence_length']);
  const table = tensor(source, 'model.text_model.embed_tokens.weight', [vocabulary, hidden]);
  const type = { type: 'float32', shape: ['batch_size', 'sequence_length', hidden] } as const;
  graph.output(embedding(graph, table, ids), 'inputs_embeds', type);
  return graph;
}

/**
 * `decoder_model_merged` as the library binds it, with the operators that published exports have: attention as
 * `GroupQueryAttention` over packed projections, fused norms, and `num_logits_to_keep`, which spares a prompt's logits.
 */
export function decoderGraph(source: ExportSource): GraphBuilder {
  const { shape } = source;
  const { hidden, layers, vocabulary, headDim } = shape.decoder;
  const graph = new GraphBuilder({ name: 'decoder_model_merged' });
  const embeddings = graph.input('inputs_embeds', 'float32', ['batch_size', 'sequence_length', hidden]);
  const mask = graph.input('attention_mask', 'int64', ['batch_size', 'total_sequence_length']);
  const kept = graph.input('num_logits_to_keep', 'int64', []);
  const shared: Shared = {
    source,
    lengths: lengthsOf(graph, mask),
    rotary: rotaryEmbedding(graph, {
      headDim,
      theta: textNumber(shape, 'rope_theta', DEFAULT_THETA),
      maxPositions: textNumber(shape, 'max_position_embeddings', DEFAULT_POSITIONS),
    }),
  };
  let [stream, branch]: [Value, Value | undefined] = [embeddings, undefined];
  for (let layer = 0; layer < layers; layer++)
    ({ stream, branch } = decoderLayer(graph, { stream, branch, layer }, shared));
  const rows = lastRows(graph, branch ? graph.op('Add', [stream, branch]) : stream, kept);
  const normalized = rmsNorm(graph, rows, normOf(source, 'norm'));
  const head = tensor(source, 'lm_head.weight', [vocabulary, hidden]);
  const logits = linear(graph, normalized, { precision: source.precision, weight: head });
  const type = { type: 'float32', shape: ['batch_size', 'num_logits', vocabulary] } as const;
  graph.output(logits, 'logits', type);
  return graph;
}

/** Defaults of transformers' LlamaConfig. */
const DEFAULT_THETA = 10_000;
const DEFAULT_POSITIONS = 2_048;
const DEFAULT_EPSILON = 1e-6;

interface Shared {
  readonly source: ExportSource;
  readonly lengths: { readonly seqlensK: Value; readonly total: Value };
  readonly rotary: RotaryEmbedding;
}

/** What `GroupQueryAttention` is told of the sequences, from the mask of ones. */
function lengthsOf(graph: GraphBuilder, mask: Value): Shared['lengths'] {
  const lengths = graph.op('ReduceSum', [mask, int64(graph, 1)], { keepdims: 0 });
  const last = graph.op('Sub', [lengths, int64(graph, 1)]);
  const total = graph.op('Shape', [mask], { start: 1, end: 2 });
  return {
    seqlensK: graph.op('Cast', [last], { to: INT32 }),
    total: graph.op('Cast', [total], { to: INT32 }),
  };
}

interface LayerStreams {
  readonly stream: Value;
  readonly branch: Value | undefined;
}

function decoderLayer(
  graph: GraphBuilder,
  { stream, branch, layer }: LayerStreams & { readonly layer: number },
  shared: Shared,
): { stream: Value; branch: Value } {
  const { source } = shared;
  const { hidden, intermediate } = source.shape.decoder;
  const entered = addAndNorm(graph, { stream, branch }, source, `layers.${layer}.input_layernorm`);
  const attended = attention(graph, entered.normalized, layer, shared);
  const middle = addAndNorm(
    graph,
    { stream: entered.sum, branch: attended },
    source,
    `layers.${layer}.post_attention_layernorm`,
  );
  const project = (name: string, input: Value, outputs: number, inputs: number) =>
    layerLinear(graph, input, source, { name: `layers.${layer}.mlp.${name}`, outputs, inputs });
  const gate = graph.op(
    'QuickGelu',
    [project('gate_proj', middle.normalized, intermediate, hidden)],
    { alpha: { float: 1 } },
    MICROSOFT,
  );
  const gated = graph.op('Mul', [gate, project('up_proj', middle.normalized, intermediate, hidden)]);
  return { stream: middle.sum, branch: project('down_proj', gated, hidden, intermediate) };
}

function addAndNorm(
  graph: GraphBuilder,
  { stream, branch }: LayerStreams,
  source: ExportSource,
  name: string,
) {
  const norm = normOf(source, name);
  return branch
    ? skipRmsNorm(graph, stream, branch, norm)
    : { normalized: rmsNorm(graph, stream, norm), sum: stream };
}

function attention(
  graph: GraphBuilder,
  input: Value,
  layer: number,
  { source, lengths, rotary }: Shared,
): Value {
  const { heads, kvHeads, headDim, hidden } = source.shape.decoder;
  const [past, present] = [cacheShape(source, 'past'), cacheShape(source, 'total')];
  const pastKey = graph.input(`past_key_values.${layer}.key`, 'float32', past);
  const pastValue = graph.input(`past_key_values.${layer}.value`, 'float32', past);
  const qkv = packedProjection(graph, input, layer, source);
  const [output, key, value] = graph.op(
    'GroupQueryAttention',
    [qkv, undefined, undefined, pastKey, pastValue, lengths.seqlensK, lengths.total, rotary.cos, rotary.sin],
    { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1 },
    { ...MICROSOFT, outputs: 3 },
  );
  graph.output(key, `present.${layer}.key`, { type: 'float32', shape: present });
  graph.output(value, `present.${layer}.value`, { type: 'float32', shape: present });
  const name = `layers.${layer}.self_attn.o_proj`;
  return layerLinear(graph, output, source, { name, outputs: hidden, inputs: heads * headDim });
}

function cacheShape({ shape }: ExportSource, length: string): (string | number)[] {
  return ['batch_size', shape.decoder.kvHeads, `${length}_sequence_length`, shape.decoder.headDim];
}

function packedProjection(graph: GraphBuilder, input: Value, layer: number, source: ExportSource): Value {
  const { heads, kvHeads, headDim, hidden } = source.shape.decoder;
  const part = (name: string, count: number) =>
    tensor(source, `model.text_model.layers.${layer}.self_attn.${name}.weight`, [count * headDim, hidden]);
  const parts = [part('q_proj', heads), part('k_proj', kvHeads), part('v_proj', kvHeads)];
  const weight = stackRows(`layers.${layer}.qkv.weight`, parts);
  return linear(graph, input, { precision: source.precision, weight });
}

function layerLinear(
  graph: GraphBuilder,
  input: Value,
  source: ExportSource,
  { name, outputs, inputs }: { readonly name: string; readonly outputs: number; readonly inputs: number },
): Value {
  const weight = tensor(source, `model.text_model.${name}.weight`, [outputs, inputs]);
  return linear(graph, input, { precision: source.precision, weight });
}

function normOf(source: ExportSource, name: string) {
  const weight = tensor(source, `model.text_model.${name}.weight`, [source.shape.decoder.hidden]);
  return { weight, epsilon: textNumber(source.shape, 'rms_norm_eps', DEFAULT_EPSILON) };
}

/** The last `count` rows of each sequence, all of them where it is 0. */
function lastRows(graph: GraphBuilder, rows: Value, count: Value): Value {
  const start = graph.op('Reshape', [graph.op('Neg', [count]), int64(graph, 1)]);
  return graph.op('Slice', [rows, start, int64(graph, 2 ** 31 - 1), int64(graph, 1)]);
}
