import type { Checkpoint } from '@diptych/checkpoint';
import { CheckpointTensors } from '../checkpoint-tensors.ts';
import type { Family, FamilyModel } from '../family.ts';
import { describeLanguage } from '../language-description.ts';
import { llavaLanguageGraph } from '../llava/language-graph.ts';
import { expandLlavaImage } from '../llava/prompt.ts';
import { llavaTensors } from '../llava/tensor-names.ts';
import type { VisionDescription } from '../model.ts';
import { type LlavaNextConfig, readLlavaNextConfig } from './config.ts';
import { planLlavaNextImage } from './image-processor.ts';
import { countPackedTokens, selectPackedRows } from './packing.ts';
import { llavaNextVisionGraph } from './vision-graph.ts';

/**
 * LLaVA-NeXT, also called LLaVA-1.6 (Liu et al. 2024): LLaVA's tower and projector over the whole image and over the
 * tiles of a grid that suits its shape, with a learned newline after each row of patches.
 */
export const llavaNext: Family = {
  name: 'llava_next',
  modelTypes: ['llava_next'],
  open: openLlavaNext,
};

async function openLlavaNext(checkpoint: Checkpoint): Promise<FamilyModel> {
  const config = await readLlavaNextConfig(checkpoint);
  const tensors = () => llavaTensors(new CheckpointTensors(checkpoint.weights));
  return {
    vision: describeVision(config),
    language: await describeLanguage(config, checkpoint),
    imageToken: config.imageToken,
    expandImage: (layout) => expandLlavaImage(layout, config.imageToken),
    visionGraph: (weights) => llavaNextVisionGraph(config, tensors(), weights),
    languageGraph: (weights) => llavaLanguageGraph(config, tensors(), weights),
  };
}

function describeVision(config: LlavaNextConfig): VisionDescription {
  const { language, vision, rowsPerTile } = config;
  return {
    hiddenSize: language.hiddenSize,
    rowsPerTile: rowsPerTile + 1,
    defaultSplit: true,
    warmUpTile: { width: vision.imageSize, height: vision.imageSize },
    planImage: (source, options = {}) => planLlavaNextImage(config, source, options),
    countTokens: (grid) => countPackedTokens(grid, config),
    selectRows: (grid) => selectPackedRows(grid, config),
  };
}
