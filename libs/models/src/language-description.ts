import type { Checkpoint } from '@diptych/checkpoint';
import type { DecoderConfig } from './backbones/decoder-config.ts';
import { readGenerationConfig } from './generation-config.ts';
import type { LanguageDescription } from './model.ts';

/** What a family's config.json says beside its decoder. */
export interface LanguageTokens {
  readonly language: DecoderConfig;
  readonly imageTokenId: number;
  /** Tokens that end an answer where generation_config.json names none. */
  readonly eosTokenIds: readonly number[];
}

/**
 * What the language stage needs to know of a decoder and the checkpoint's generation_config.json.
 *
 * @throws DiptychError `checkpoint_invalid` naming file and field.
 */
export async function describeLanguage(
  { language, imageTokenId, eosTokenIds }: LanguageTokens,
  checkpoint: Checkpoint,
): Promise<LanguageDescription> {
  const { layers, heads, kvHeads, headDim, hiddenSize, vocabSize, maxPositions } = language;
  const generation = await readGenerationConfig(checkpoint);
  return {
    layers,
    heads,
    kvHeads,
    headDim,
    hiddenSize,
    vocabSize,
    maxContext: maxPositions,
    eosTokenIds: generation.eosTokenIds ?? eosTokenIds,
    imageTokenId,
    generationDefaults: generation.defaults,
  };
}
