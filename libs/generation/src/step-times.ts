import type { StepCosts } from './scheduler.ts';

/** A run of a part of a prompt. */
export interface PrefillRun {
  /** Tokens that the slot held before. */
  readonly past: number;
  readonly tokens: number;
  readonly ms: number;
}

/**
 * A running estimate of what steps cost, for the scheduler. A part of a prompt costs something by itself (it reads
 * all weights, and what the slot holds), something for each token, and something for each pair of a token and one
 * before it. After each run all three are corrected in proportion to their share of it (normalised least mean
 * squares), so that the estimate follows the latest runs, grows with a prompt, and is not lost on the next one.
 */
export class StepTimes {
  #decodeMs: number | undefined;
  #weights: Features | undefined;

  /** Undefined until both kinds of run were seen. */
  get costs(): StepCosts | undefined {
    if (this.#decodeMs === undefined || this.#weights === undefined) return undefined;
    const [run, token, pair] = this.#weights;
    const tokenMs = Math.max(token, this.#decodeMs / MOST_TOKENS);
    return { decodeMs: this.#decodeMs, runMs: run * RUN_SCALE, tokenMs, pairMs: pair / PAST_SCALE };
  }

  /** Notes the time of a decode step. */
  decoded(ms: number): void {
    const known = this.#decodeMs ?? ms;
    this.#decodeMs = known + (Math.min(ms, MOST_TIMES * known) - known) * SMOOTHING;
  }

  /** Notes the time of a part of a prompt. One that was dearer than thought is believed sooner than a cheaper one. */
  prefilled({ past, tokens, ms }: PrefillRun): void {
    const features: Features = [RUN_SCALE, tokens, (tokens * past) / PAST_SCALE];
    const known = this.#weights ?? [0, 0, 0];
    const expected = product(known, features);
    const error = (this.#weights ? Math.min(ms, MOST_TIMES * expected) : ms) - expected;
    const rate = this.#weights ? (error > 0 ? CAUTION : SMOOTHING) : 1;
    const step = (rate * error) / product(features, features);
    const corrected = (i: 0 | 1 | 2) => Math.max(known[i] + step * features[i], 0);
    this.#weights = [corrected(0), corrected(1), corrected(2)];
  }
}

/** Of a run, of a token, of a token and `PAST_SCALE` before it: how often they occur in a run, or what each costs. */
type Features = readonly [run: number, token: number, pair: number];

function product(left: Features, right: Features): number {
  return left[0] * right[0] + left[1] * right[1] + left[2] * right[2];
}

/** Runs of fewer tokens than this tell more of what a run costs by itself than of its tokens. */
const RUN_SCALE = 16;

/** Behind fewer tokens than this a run tells more of its tokens than of those before them. */
const PAST_SCALE = 1024;

/** Weight of the newest run: after ten of them nine tenths of the estimate is new. */
const SMOOTHING = 0.2;

/** Weight of a run that took longer than the ones before. */
const CAUTION = 0.5;

/** A run that was held up counts as this many times the estimate at most: the next one is not. */
const MOST_TIMES = 2;

/** Tokens that cost as much as a decode step at most, whatever a lucky run says. */
const MOST_TOKENS = 512;
