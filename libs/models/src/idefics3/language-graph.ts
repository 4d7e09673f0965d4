import { floatWeight, GraphBuilder, linear, type WeightSource } from '@diptych/onnx-graph';
import { llamaFinalNorm, llamaLayers } from '../backbones/llama.ts';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';
import { embedTokens, languageInputs, logitRows } from '../language-io.ts';
import type { Idefics3Config } from './config.ts';

/**
 * Embeddings, image features in their places, Llama's layers and the head over the rows that are asked for. Inputs
 * and outputs are those of `languageInputs`, `logits` float32 [rows, vocab] and the updated caches.
 * transformers' Idefics3ForConditionalGeneration.
 */
export function idefics3LanguageGraph(config: Idefics3Config, tensors: CheckpointTensors): GraphBuilder {
  const graph = new GraphBuilder({ name: 'idefics3 language' });
  const { language } = config;
  const decoder = tensors.within('model.text_model');
  const inputs = languageInputs(graph, language);
  const table = decoder.tensor('embed_tokens.weight', [language.vocabSize, language.hiddenSize]);
  const embeddings = embedTokens(graph, floatWeight(graph, table), inputs, language.hiddenSize);
  const stream = llamaLayers(graph, embeddings, { config: language, tensors: decoder, inputs });
  const rows = logitRows(graph, stream, inputs, language.hiddenSize);
  const normalized = llamaFinalNorm(graph, rows, language, decoder);
  const logits = linear(graph, normalized, { weight: head(config, tensors, table) });
  graph.output(logits, 'logits', { type: 'float32', shape: ['rows', language.vocabSize] });
  return graph;
}

/** A head of its own wins over `tie_word_embeddings`, as in transformers' tie_weights. */
function head({ tiedEmbeddings, language }: Idefics3Config, tensors: CheckpointTensors, table: WeightSource) {
  const name = 'lm_head.weight';
  if (tiedEmbeddings && !tensors.has(name)) return table;
  return tensors.tensor(name, [language.vocabSize, language.hiddenSize]);
}
