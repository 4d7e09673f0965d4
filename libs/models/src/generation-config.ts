import type { Checkpoint } from '@diptych/checkpoint';
import { z } from 'zod';
import { maybe, tokenIds, withDefault } from './settings.ts';

/** Sampling parameters that a checkpoint recommends; a request's own ones win. */
export interface GenerationDefaults {
  /** 0 where the checkpoint asks for greedy decoding. */
  readonly temperature: number;
  /** Most probable tokens that are sampled from; all where undefined. */
  readonly topK: number | undefined;
  /** Probability mass that is sampled from; all where undefined. */
  readonly topP: number | undefined;
  /** Divides the logits of tokens that have occurred; 1 changes nothing. */
  readonly repetitionPenalty: number;
}

/** What `generation_config.json` says. */
export interface GenerationConfig {
  /** Tokens that end an answer; undefined where the file does not say. */
  readonly eosTokenIds: readonly number[] | undefined;
  readonly defaults: GenerationDefaults;
}

/**
 * Reads `generation_config.json`; a checkpoint without one asks for greedy decoding, as in transformers.
 *
 * @throws DiptychError `checkpoint_invalid` naming the field.
 */
export async function readGenerationConfig(checkpoint: Checkpoint): Promise<GenerationConfig> {
  const file = 'generation_config.json';
  const raw = checkpoint.has(file)
    ? await checkpoint.readConfig(file, generationConfig)
    : generationConfig.parse({});
  return { eosTokenIds: raw.eos_token_id, defaults: raw.do_sample ? sampling(raw) : greedy(raw) };
}

/** Field names and defaults of transformers' GenerationConfig. */
const generationConfig = z.looseObject({
  do_sample: withDefault(z.boolean(), false),
  temperature: withDefault(z.number().min(0), 1),
  top_k: withDefault(z.int().min(0), 50),
  top_p: withDefault(z.number().positive().max(1), 1),
  repetition_penalty: withDefault(z.number().positive(), 1),
  eos_token_id: maybe(tokenIds),
});

type RawConfig = z.output<typeof generationConfig>;

function greedy(raw: RawConfig): GenerationDefaults {
  return { temperature: 0, topK: undefined, topP: undefined, repetitionPenalty: raw.repetition_penalty };
}

function sampling(raw: RawConfig): GenerationDefaults {
  return {
    temperature: raw.temperature,
    topK: raw.top_k === 0 ? undefined : raw.top_k,
    topP: raw.top_p === 1 ? undefined : raw.top_p,
    repetitionPenalty: raw.repetition_penalty,
  };
}
