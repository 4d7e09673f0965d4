import type { GraphBuilder, WeightFormat } from '@diptych/onnx-graph';
import type { CheckpointTensors } from '../checkpoint-tensors.ts';
import { languageGraph } from '../language-graph.ts';
import type { Idefics3Config } from './config.ts';

/** The shared language graph over this family's tensors. transformers' Idefics3ForConditionalGeneration. */
export function idefics3LanguageGraph(
  config: Idefics3Config,
  tensors: CheckpointTensors,
  weights: WeightFormat,
): GraphBuilder {
  return languageGraph({
    name: 'idefics3 language',
    config: config.language,
    decoder: tensors.within('model.text_model'),
    head: tensors,
    tiedEmbeddings: config.tiedEmbeddings,
    weights,
  });
}
