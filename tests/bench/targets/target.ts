import type { Prompt } from '../prompts.ts';

/** What an answer took, as whoever asked saw it. */
export interface Answer {
  /** Milliseconds from the question to each piece of text or token. */
  readonly times: readonly number[];
  /** Tokens that were answered; a piece of text may hold several. */
  readonly tokens: number;
  readonly text: string;
  readonly promptTokens: number;
  /** Prompt tokens that a cache supplied. */
  readonly cachedTokens: number;
}

/** Something that answers prompts: our services, our engine in a process of its own, or a peer. */
export interface Target extends AsyncDisposable {
  readonly name: string;
  /** How it runs: versions, weight format. */
  readonly description: string;
  /** Its processes, for their memory. */
  readonly pids: readonly number[];
  /** Answers greedily with exactly `tokens` tokens. */
  answer(prompt: Prompt, tokens: number): Promise<Answer>;
}

/** Milliseconds to the first token. */
export function firstTokenMs({ times }: Answer): number {
  return times[0] ?? NaN;
}

/** Milliseconds between tokens, on average from the first to the last. */
export function betweenTokensMs({ times, tokens }: Answer): number {
  return ((times.at(-1) ?? NaN) - (times[0] ?? NaN)) / (tokens - 1);
}
