import { embedding, GraphBuilder, head, type WeightFormat, type WeightSource } from '@diptych/onnx-graph';
import { decoderFinalNorm, decoderLayers } from './backbones/decoder.ts';
import type { DecoderConfig } from './backbones/decoder-config.ts';
import type { CheckpointTensors } from './checkpoint-tensors.ts';
import { languageInputs, logitRows, placeImages } from './language-io.ts';

/** Where a family keeps what its language graph is made of. */
export interface LanguageGraphOptions {
  /** Name of the graph, for those who read the model. */
  readonly name: string;
  readonly config: DecoderConfig;
  /** Tensors of the decoder: `embed_tokens`, `layers`, `norm`. */
  readonly decoder: CheckpointTensors;
  /** Tensors that `lm_head` is among. */
  readonly head: CheckpointTensors;
  /** Whether the head may be the embedding table: `tie_word_embeddings`. */
  readonly tiedEmbeddings: boolean;
  /** How its weights are stored. */
  readonly weights: WeightFormat;
}

/**
 * Embeddings, image features in their places, the decoder's layers and the head over the rows that are asked for.
 * Inputs and outputs are those of `languageInputs`, `logits` float32 [rows, vocab] and the updated caches.
 */
export function languageGraph(options: LanguageGraphOptions): GraphBuilder {
  const { name, config, decoder, weights } = options;
  const { vocabSize, hiddenSize } = config;
  const graph = new GraphBuilder({ name, weights });
  const inputs = languageInputs(graph, config);
  const table = decoder.tensor('embed_tokens.weight', [vocabSize, hiddenSize]);
  const embeddings = placeImages(graph, embedding(graph, table, inputs.ids), inputs, hiddenSize);
  const stream = decoderLayers(graph, embeddings, { config, tensors: decoder, inputs });
  const rows = logitRows(graph, stream, inputs, hiddenSize);
  const normalized = decoderFinalNorm(graph, rows, config, decoder);
  const logits = head(graph, normalized, headWeight(options, table));
  graph.output(logits, 'logits', { type: 'float32', shape: ['rows', vocabSize] });
  return graph;
}

/** A head of its own wins over `tie_word_embeddings`, as in transformers' tie_weights. */
function headWeight({ tiedEmbeddings, head, config }: LanguageGraphOptions, table: WeightSource) {
  const name = 'lm_head.weight';
  if (tiedEmbeddings && !head.has(name)) return table;
  return head.tensor(name, [config.vocabSize, config.hiddenSize]);
}
