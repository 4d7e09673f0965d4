import type { Checkpoint } from '@diptych/checkpoint';
import { CheckpointTensors } from '../checkpoint-tensors.ts';
import type { Family, FamilyModel } from '../family.ts';
import { describeLanguage } from '../language-description.ts';
import type { VisionDescription } from '../model.ts';
import { type LlavaConfig, readLlavaConfig } from './config.ts';
import { planLlavaImage } from './image-processor.ts';
import { llavaLanguageGraph } from './language-graph.ts';
import { countWholeTokens, expandLlavaImage } from './prompt.ts';
import { llavaTensors } from './tensor-names.ts';
import { llavaVisionGraph } from './vision-graph.ts';

/**
 * LLaVA (Liu et al. 2023, arXiv:2310.03744): a CLIP or SigLIP tower over the image at one size, a projector of two
 * layers, a decoder of any supported type.
 */
export const llava: Family = {
  name: 'llava',
  modelTypes: ['llava'],
  open: openLlava,
};

async function openLlava(checkpoint: Checkpoint): Promise<FamilyModel> {
  const config = await readLlavaConfig(checkpoint);
  const tensors = () => llavaTensors(new CheckpointTensors(checkpoint.weights));
  return {
    vision: describeVision(config),
    language: await describeLanguage(config, checkpoint),
    imageToken: config.imageToken,
    expandImage: (layout) => expandLlavaImage(layout, config.imageToken),
    visionGraph: (weights) => llavaVisionGraph(config, tensors(), weights),
    languageGraph: (weights) => llavaLanguageGraph(config, tensors(), weights),
  };
}

/** There is nothing to split: an image is one tile, whatever a request asks for. */
function describeVision({ images, language, rowsPerTile, vision }: LlavaConfig): VisionDescription {
  return {
    hiddenSize: language.hiddenSize,
    rowsPerTile,
    defaultSplit: false,
    warmUpTile: { width: vision.imageSize, height: vision.imageSize },
    planImage: (source) => planLlavaImage(images, source),
    countTokens: (grid) => countWholeTokens(grid, vision.imageSize, rowsPerTile),
  };
}
