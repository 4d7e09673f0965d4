import type { StepCosts } from './scheduler.ts';

/**
 * A running estimate of what steps cost, for the scheduler. A run of a prompt's part takes the time of a decode step
 * (it reads the same weights) and something for each of its tokens, which grows with the sequence: so the estimate
 * follows the latest runs.
 */
export class StepTimes {
  #decodeMs: number | undefined;
  #prefillTokenMs: number | undefined;

  /** Undefined until both kinds of run were seen. */
  get costs(): StepCosts | undefined {
    const [decodeMs, prefillTokenMs] = [this.#decodeMs, this.#prefillTokenMs];
    return decodeMs === undefined || prefillTokenMs === undefined ? undefined : { decodeMs, prefillTokenMs };
  }

  /** Notes the time of a decode step. */
  decoded(ms: number): void {
    const known = this.#decodeMs ?? ms;
    this.#decodeMs = known + (Math.min(ms, MOST_TIMES * known) - known) * SMOOTHING;
  }

  /** Notes the time of a part of a prompt. One that was dearer than thought is believed sooner than a cheaper one. */
  prefilled(tokens: number, ms: number): void {
    if (tokens < TELLING_TOKENS) return;
    const decodeMs = this.#decodeMs ?? 0;
    const each = Math.max((ms - decodeMs) / tokens, decodeMs / MOST_TOKENS, LEAST_MS);
    const known = this.#prefillTokenMs ?? each;
    this.#prefillTokenMs = known + (each - known) * (each > known ? CAUTION : SMOOTHING);
  }
}

/** Weight of the newest run: after ten of them nine tenths of the estimate is new. */
const SMOOTHING = 0.2;

/** Weight of a run that took longer for each token than the ones before. */
const CAUTION = 0.5;

/** A step that was held up counts as this many times the estimate at most: the next one is not. */
const MOST_TIMES = 2;

/** A part of fewer tokens tells nothing: it may take no longer than a decode step. */
const TELLING_TOKENS = 16;

/** Tokens that cost as much as a decode step at most, whatever a lucky run says. */
const MOST_TOKENS = 512;

/** Keeps the estimate above zero whatever the clock says. */
const LEAST_MS = 1e-6;
