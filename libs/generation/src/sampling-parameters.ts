/** How tokens are chosen and when an answer ends; every value present and in range (see `validateSampling`). */
export interface SamplingParameters {
  /** Most tokens to generate, at least 1; `undefined`: what the context leaves. */
  readonly maxTokens: number | undefined;
  /** Tokens before which no end token is chosen. */
  readonly minTokens: number;
  /** Divides logits; 0 is greedy. In [0, 2]. */
  readonly temperature: number;
  /** Keep the k most likely tokens (and those that tie with the k-th); 0 keeps all. */
  readonly topK: number;
  /** Keep the smallest set of most likely tokens whose probability reaches this. In (0, 1]. */
  readonly topP: number;
  /** Drop tokens less likely than this times the most likely one. In [0, 1]. */
  readonly minP: number;
  /** Divides positive and multiplies negative logits of tokens seen, prompt included; 1 is neutral. */
  readonly repetitionPenalty: number;
  /** Subtracted once from logits of tokens generated. In [-2, 2]. */
  readonly presencePenalty: number;
  /** Subtracted for each time a token was generated. In [-2, 2]. */
  readonly frequencyPenalty: number;
  /** Added to the logits of token ids. Values in [-100, 100]. */
  readonly logitBias: ReadonlyMap<number, number>;
  /** Unsigned 64-bit seed; a draw depends on (seed, position) alone. */
  readonly seed: bigint;
  /** Strings that end an answer. The engine sees no text: its listener looks for them. */
  readonly stop: readonly string[];
  /** Token ids that end an answer, besides the checkpoint's own. */
  readonly stopTokenIds: readonly number[];
  /** Log probabilities to report: `undefined` none, 0 the chosen token's alone, up to 20 alternatives. */
  readonly logprobs: number | undefined;
  /** The checkpoint's end tokens do not end an answer. */
  readonly ignoreEos: boolean;
}

/** Parameters as a caller gave them: what is `undefined` or absent takes a default. */
export type PartialSampling = {
  readonly [Name in keyof SamplingParameters]?: SamplingParameters[Name] | undefined;
};

/** What a checkpoint's `generation_config.json` recommends. */
export type SamplingDefaults = Pick<PartialSampling, 'temperature' | 'topK' | 'topP' | 'repetitionPenalty'>;
