import assert from 'node:assert/strict';
import type { GraphBuilder, Value } from '@diptych/onnx-graph';

/** Sizes that decide the inputs and outputs of a language graph. */
export interface LanguageSizes {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
}

/** The KV cache of one layer inside a graph. */
export interface LayerCache {
  readonly pastKey: Value;
  readonly pastValue: Value;
  /** Makes the updated cache an output. */
  present(key: Value, value: Value): void;
}

/** Inputs of a language graph. */
export interface LanguageInputs {
  /** int64 [batch, length]. */
  readonly ids: Value;
  /** float32 [imageRows, hidden]. */
  readonly imageFeatures: Value;
  /** int64 [imageRows, 1]: indices into batch × length. */
  readonly imagePositions: Value;
  /** int64 [rows]: indices into batch × length. */
  readonly logitPositions: Value;
  /** int32 [batch]: total length of each sequence after the step, minus one. */
  readonly seqlensK: Value;
  /** int32 [1]: the largest total length in the batch. */
  readonly totalSequenceLength: Value;
  cache(layer: number): LayerCache;
}

/**
 * Declares the inputs that every language graph has, whatever its family: the contract with the engine's decoder.
 *
 * `input_ids`, `image_features`, `image_positions`, `logit_positions`, `seqlens_k`, `total_sequence_length`, and
 * for each layer `past_key.N` and `past_value.N` of shape [batch, kvHeads, capacity, headDim]. `imageRows` and
 * `rows` may be 0.
 */
export function languageInputs(graph: GraphBuilder, sizes: LanguageSizes): LanguageInputs {
  return {
    ids: graph.input('input_ids', 'int64', ['batch', 'length']),
    imageFeatures: graph.input('image_features', 'float32', ['image_rows', sizes.hiddenSize]),
    imagePositions: graph.input('image_positions', 'int64', ['image_rows', 1]),
    logitPositions: graph.input('logit_positions', 'int64', ['rows']),
    seqlensK: graph.input('seqlens_k', 'int32', ['batch']),
    totalSequenceLength: graph.input('total_sequence_length', 'int32', [1]),
    cache: cacheInputs(graph, sizes),
  };
}

/** Token embeddings [batch, length, hidden] with image features in the places of image tokens. */
export function placeImages(
  graph: GraphBuilder,
  embedded: Value,
  inputs: LanguageInputs,
  hiddenSize: number,
): Value {
  const rows = flatten(graph, embedded, hiddenSize);
  const merged = graph.op('ScatterND', [rows, inputs.imagePositions, inputs.imageFeatures]);
  return graph.op('Reshape', [merged, graph.op('Shape', [embedded])]);
}

/** The rows of [batch, length, hidden] whose logits are asked for: [rows, hidden]. */
export function logitRows(
  graph: GraphBuilder,
  hidden: Value,
  inputs: LanguageInputs,
  hiddenSize: number,
): Value {
  return graph.op('Gather', [flatten(graph, hidden, hiddenSize), inputs.logitPositions], { axis: 0 });
}

function flatten(graph: GraphBuilder, value: Value, width: number): Value {
  return graph.op('Reshape', [value, graph.constant('int64', [2], [-1, width])]);
}

function cacheInputs(graph: GraphBuilder, sizes: LanguageSizes): (layer: number) => LayerCache {
  const shape = ['batch', sizes.kvHeads, 'capacity', sizes.headDim];
  const past = Array.from({ length: sizes.layers }, (_, layer) => ({
    pastKey: graph.input(`past_key.${layer}`, 'float32', shape),
    pastValue: graph.input(`past_value.${layer}`, 'float32', shape),
    present: (key: Value, value: Value) => {
      graph.output(key, `present_key.${layer}`, { type: 'float32', shape });
      graph.output(value, `present_value.${layer}`, { type: 'float32', shape });
    },
  }));
  return (layer) => {
    const cache = past[layer];
    assert.ok(cache, `layer ${layer} of ${past.length}`);
    return cache;
  };
}
