import type { GraphBuilder, WeightFormat } from '@diptych/onnx-graph';
import { languageGraph } from '../language-graph.ts';
import type { LlavaModelConfig } from './model-config.ts';
import type { LlavaTensors } from './tensor-names.ts';

/**
 * The shared language graph over this family's tensors. transformers' LlavaForConditionalGeneration and
 * LlavaNextForConditionalGeneration.
 */
export function llavaLanguageGraph(
  config: LlavaModelConfig,
  { decoder, head }: LlavaTensors,
  weights: WeightFormat,
): GraphBuilder {
  const { language, tiedEmbeddings } = config;
  return languageGraph({ name: 'llava language', config: language, decoder, head, tiedEmbeddings, weights });
}
