import type { Checkpoint } from '@diptych/checkpoint';
import type { Size } from '@diptych/image';
import { z } from 'zod';
import { CheckpointTensors } from '../checkpoint-tensors.ts';
import type { Family, FamilyModel } from '../family.ts';
import { describeLanguage } from '../language-description.ts';
import type { LanguageDescription, VisionDescription } from '../model.ts';
import { maybe, tokenId } from '../settings.ts';
import { type Idefics2Config, readIdefics2Config } from './config.ts';
import { planIdefics2Image } from './image-processor.ts';
import { idefics2LanguageGraph } from './language-graph.ts';
import { countIdefics2Tokens, END_OF_UTTERANCE, expandIdefics2Image, IMAGE_TOKEN } from './prompt.ts';
import { idefics2VisionGraph } from './vision-graph.ts';

/**
 * Idefics2 (Laurençon et al. 2024, arXiv:2405.02246): a SigLIP tower at native aspect ratio, a perceiver resampler, a
 * Mistral decoder.
 */
export const idefics2: Family = {
  name: 'idefics2',
  modelTypes: ['idefics2'],
  open: openIdefics2,
};

async function openIdefics2(checkpoint: Checkpoint): Promise<FamilyModel> {
  const config = await readIdefics2Config(checkpoint);
  const tensors = () => new CheckpointTensors(checkpoint.weights);
  return {
    vision: describeVision(config),
    language: await describeConversation(config, checkpoint),
    imageToken: IMAGE_TOKEN,
    expandImage: expandIdefics2Image,
    visionGraph: (weights) => idefics2VisionGraph(config, tensors(), weights),
    languageGraph: (weights) => idefics2LanguageGraph(config, tensors(), weights),
  };
}

/**
 * A tile may have this many times the patches that the tower has positions for. Attention grows with their square, and
 * settings without a resize would let any image through.
 */
const POSITION_REPEATS = 4;

function describeVision(config: Idefics2Config): VisionDescription {
  const { images, language, perceiver, vision } = config;
  const { patchSize, imageSize } = vision;
  const side = Math.floor(imageSize / patchSize);
  const geometry = { images, patchSize, maxPatches: POSITION_REPEATS * side ** 2 };
  return {
    hiddenSize: language.hiddenSize,
    rowsPerTile: perceiver.latents,
    defaultSplit: images.split,
    warmUpTile: usualTile(config),
    planImage: (source, options = {}) => planIdefics2Image(geometry, source, options),
    countTokens: (grid) => countIdefics2Tokens(grid, perceiver.latents),
  };
}

/** The family's chat ends a turn with a token that generation_config.json does not always name. */
async function describeConversation(
  config: Idefics2Config,
  checkpoint: Checkpoint,
): Promise<LanguageDescription> {
  const described = await describeLanguage(config, checkpoint);
  const end = await endOfUtterance(checkpoint);
  const isModelled = end !== undefined && end < described.vocabSize;
  const ends = isModelled ? [...described.eosTokenIds, end] : described.eosTokenIds;
  return { ...described, eosTokenIds: [...new Set(ends)] };
}

async function endOfUtterance(checkpoint: Checkpoint): Promise<number | undefined> {
  const file = 'tokenizer.json';
  if (!checkpoint.has(file)) return undefined;
  const { added_tokens: tokens } = await checkpoint.readConfig(file, addedTokens);
  return tokens?.find(({ content }) => content === END_OF_UTTERANCE)?.id;
}

const addedTokens = z.looseObject({
  added_tokens: maybe(z.array(z.looseObject({ content: z.string(), id: tokenId }))),
});

/**
 * What a photograph of 4 x 3 becomes at the shortest edge. The largest tile has five times as many patches, and what
 * a run took at its peak stays with the process.
 */
function usualTile({ images: { size }, vision: { patchSize, imageSize } }: Idefics2Config): Size {
  const whole = (edge: number) => Math.max(Math.floor(edge / patchSize), 1) * patchSize;
  if (!size) return { width: whole(imageSize), height: whole(imageSize) };
  if ('height' in size) return { width: whole(size.width), height: whole(size.height) };
  const { shortest_edge: shortest, longest_edge: longest } = size;
  return { width: whole(Math.min((shortest * 4) / 3, longest)), height: whole(shortest) };
}
