import type { DiptychError } from '@diptych/errors';
import type { PositionLogprobs } from './logprobs.ts';
import type { SamplingParameters } from './sampling-parameters.ts';

/** One image of a prompt, as far as the engine knows it. */
export interface PromptImageRows {
  /**
   * Identity of the feature rows: two images are taken for the same where it is equal, so it must cover
   * everything the rows depend on (bytes, options, model).
   */
  readonly digest: string;
  /** How many of the prompt's image positions belong to it, at least 1. */
  readonly rows: number;
}

/** One sequence to generate. The engine keeps references until it ends; nobody may change the arrays. */
export interface SequenceRequest {
  /** The whole prompt, image placeholders included. */
  readonly promptIds: Int32Array;
  /** Positions in `promptIds` whose embeddings are replaced by image features, ascending. */
  readonly imagePositions: Int32Array;
  /** `[imagePositions.length, hiddenSize]`, one row for each position. */
  readonly imageFeatures: Float32Array;
  /** The images in order of appearance; their rows add up to `imagePositions.length`. */
  readonly images: readonly PromptImageRows[];
  readonly sampling: SamplingParameters;
  /** The checkpoint's end tokens. */
  readonly endTokenIds: readonly number[];
  /**
   * Tokens of the answer that were generated before, on another machine: the stream goes on after them. They
   * count as generated (penalties, limits, draws, usage) and are not reported again.
   */
  readonly resumeIds: Int32Array;
  /** Cached prefixes are shared only between sequences of one salt. */
  readonly cacheSalt: string;
}

/** A sequence that was submitted. */
export interface Generation {
  /**
   * Ends the sequence: its listener gets `failed` with `cancelled` at once, its slot is free within one step.
   * Nothing happens where it has ended already.
   */
  cancel(): void;
}

/** One new token. */
export interface TokenEvent {
  readonly id: number;
  /** Index in the answer, from 0; resumed tokens count. */
  readonly index: number;
  /** True for an end token or a stop token id: the sequence ends with it, and it is not part of the text. */
  readonly end: boolean;
  /** Present where the sampling parameters ask for log probabilities. */
  readonly logprobs?: PositionLogprobs;
}

/** Why a sequence ended: an end token or the listener's word, or the token limit. */
export type FinishReason = 'stop' | 'length';

/** Tokens used by one sequence. */
export interface SequenceUsage {
  readonly promptTokens: number;
  /** Tokens generated, resumed ones and the end token included. */
  readonly completionTokens: number;
  /** Image placeholders among the prompt's tokens. */
  readonly imageTokens: number;
  /** Prompt tokens that a slot still held, and that were not computed again. */
  readonly cachedTokens: number;
}

/** Milliseconds of one sequence. */
export interface SequenceTimings {
  /** From `submit` to a slot. */
  readonly queueMs: number;
  /** From the slot to the first new token. */
  readonly prefillMs: number;
  /** From the first new token to the last. */
  readonly decodeMs: number;
}

/** How a sequence ended. */
export interface SequenceSummary {
  readonly reason: FinishReason;
  readonly usage: SequenceUsage;
  readonly timings: SequenceTimings;
}

/**
 * Hears about one sequence. Called synchronously from the engine's loop, so it must be quick: `admitted` at most
 * once, then `token` for each token, then exactly one of `finished` and `failed`. What it throws fails its own
 * sequence.
 */
export interface SequenceListener {
  /** The sequence has a slot. */
  admitted?(event: { readonly cachedTokens: number; readonly queueMs: number }): void;
  /** A token was chosen; `stop` ends the sequence with it (a stop string matched). */
  token(event: TokenEvent): 'continue' | 'stop';
  finished(summary: SequenceSummary): void;
  failed(error: DiptychError): void;
}
