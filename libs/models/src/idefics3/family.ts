import type { Checkpoint } from '@diptych/checkpoint';
import { CheckpointTensors } from '../checkpoint-tensors.ts';
import type { Family, FamilyModel } from '../family.ts';
import { describeLanguage } from '../language-description.ts';
import type { VisionDescription } from '../model.ts';
import { type Idefics3Config, readIdefics3Config } from './config.ts';
import { planIdefics3Image } from './image-processor.ts';
import { idefics3LanguageGraph } from './language-graph.ts';
import { countIdefics3Tokens, expandIdefics3Image, IMAGE_TOKEN } from './prompt.ts';
import { idefics3VisionGraph } from './vision-graph.ts';

/**
 * Idefics3 (Laurençon et al. 2024, arXiv:2408.12637) and SmolVLM, which differs from it in name only: a SigLIP tower
 * over tiles, pixel shuffle and one projection, a Llama decoder.
 */
export const idefics3: Family = {
  name: 'idefics3',
  modelTypes: ['idefics3', 'smolvlm'],
  open: openIdefics3,
};

async function openIdefics3(checkpoint: Checkpoint): Promise<FamilyModel> {
  const config = await readIdefics3Config(checkpoint);
  const tensors = () => new CheckpointTensors(checkpoint.weights);
  return {
    vision: describeVision(config),
    language: await describeLanguage(config, checkpoint),
    imageToken: IMAGE_TOKEN,
    expandImage: expandIdefics3Image,
    visionGraph: (weights) => idefics3VisionGraph(config, tensors(), weights),
    languageGraph: (weights) => idefics3LanguageGraph(config, tensors(), weights),
  };
}

function describeVision({ images, language, tokensPerTile }: Idefics3Config): VisionDescription {
  return {
    hiddenSize: language.hiddenSize,
    rowsPerTile: tokensPerTile,
    defaultSplit: images.split,
    warmUpTile: { width: images.tileSize, height: images.tileSize },
    planImage: (source, options = {}) => planIdefics3Image(images, source, options),
    countTokens: (grid) => countIdefics3Tokens(grid, tokensPerTile),
  };
}
