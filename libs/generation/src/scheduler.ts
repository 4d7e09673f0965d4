/** What the scheduler looks at of a sequence that has a slot. */
export interface Schedulable {
  /** Tokens of the prompt that are not in the KV cache yet; 0 while the sequence decodes. */
  readonly prefillRemaining: number;
  /** Tokens that are in the KV cache. */
  readonly computed: number;
  /** Tokens that are guessed to follow the newest one, to be checked in a run of their own; 0 where none are. */
  readonly guessed: number;
}

/** The next part of one prompt. */
export interface PrefillChunk<S> {
  readonly sequence: S;
  /** Number of tokens, at least 1. */
  readonly tokens: number;
}

/** The work of one step. */
export interface StepPlan<S> {
  /** Sequences that advance by one token, in one batch. */
  readonly decode: readonly S[];
  /** Sequences that advance by what is right of their guess and one token, each in a run of its own. */
  readonly check: readonly S[];
  /** Parts of prompts, in the order in which they run. */
  readonly prefill: readonly PrefillChunk<S>[];
}

/** How long runs take, going by the latest. */
export interface StepCosts {
  /** Milliseconds of one decode step. */
  readonly decodeMs: number;
  /** Of a run of a prompt's part, whatever its tokens. */
  readonly runMs: number;
  /** Of each of its tokens beyond that. */
  readonly tokenMs: number;
  /** Of each of its tokens for each token that the slot holds already. */
  readonly pairMs: number;
}

/** What a step may compute. */
export interface StepLimits {
  /** Most tokens of prompts. */
  readonly prefillChunk: number;
  /** Counts up with each step. */
  readonly turn: number;
  /** Undefined where nothing was measured yet. */
  readonly costs: StepCosts | undefined;
}

/**
 * Plans one step over the sequences that have a slot, in order of their admission: every decoding sequence advances
 * (whether in the batch or alone goes by its own guess, never by its neighbours);
 * then prompts are computed. Where nobody decodes they share `prefillChunk` tokens. Where somebody does, one prompt
 * gets as many as keep the streams' pace within `MOST_PAUSE` decode steps, or one group of rows, so that no prompt
 * stalls a stream.
 *
 * One prompt after the other is computed. Every second step begins with the oldest, so that none starves; the others
 * begin with the one of which the least is left, so that a question does not wait for a book.
 */
export function planStep<S extends Schedulable>(active: readonly S[], limits: StepLimits): StepPlan<S> {
  const streams = active.filter((sequence) => sequence.prefillRemaining === 0);
  const prompts = inTurn(
    active.filter((sequence) => sequence.prefillRemaining > 0),
    limits.turn,
  );
  return {
    decode: streams.filter(({ guessed }) => guessed === 0),
    check: streams.filter(({ guessed }) => guessed > 0),
    prefill: streams.length > 0 ? besideStreams(prompts, limits) : share(prompts, limits.prefillChunk),
  };
}

/** The waiting sequences that may have a slot now: first come, first served. */
export function planAdmission<S>(waiting: readonly S[], freeSlots: number): readonly S[] {
  return waiting.slice(0, freeSlots);
}

/**
 * Pause between two tokens of a stream beside a prompt, in decode steps: the decode step itself, a run that takes about
 * as long whatever its tokens, and the tokens. It leaves room for what no estimate foresees under three times.
 */
const MOST_PAUSE = 2.4;

/**
 * Kernels multiply rows in groups of this size, and fewer take as long: behind 2,000 tokens four rows took 85 % of the
 * time of sixteen, behind 4,000 all of it. So no part is smaller; with a floor of four a prompt of 4,000 tokens waited
 * half as long again, for no steadier streams.
 */
const ROW_GROUP = 16;

/** Tokens beside streams as long as nothing was measured: safe, and enough to learn from. */
const FIRST_TOKENS = 2 * ROW_GROUP;

function besideStreams<S extends Schedulable>(
  [sequence]: readonly S[],
  { prefillChunk, costs }: StepLimits,
): readonly PrefillChunk<S>[] {
  if (sequence === undefined) return [];
  const most = costs === undefined ? FIRST_TOKENS : withinPause(costs, sequence.computed);
  return [{ sequence, tokens: Math.min(most, prefillChunk, sequence.prefillRemaining) }];
}

/** Tokens that a run behind so many takes in the time that a decode step leaves of the pause. */
function withinPause({ decodeMs, runMs, tokenMs, pairMs }: StepCosts, past: number): number {
  const tokens = Math.floor(((MOST_PAUSE - 1) * decodeMs - runMs) / (tokenMs + pairMs * past));
  return Math.max(tokens - (tokens % ROW_GROUP), ROW_GROUP);
}

function share<S extends Schedulable>(prompts: readonly S[], tokens: number): readonly PrefillChunk<S>[] {
  const chunks: PrefillChunk<S>[] = [];
  let left = tokens;
  for (const sequence of prompts) {
    if (left < 1) break;
    const count = Math.min(sequence.prefillRemaining, left);
    chunks.push({ sequence, tokens: count });
    left -= count;
  }
  return chunks;
}

function inTurn<S extends Schedulable>(prompts: readonly S[], turn: number): readonly S[] {
  if (turn % 2 === 0) return prompts;
  return prompts.toSorted((one, other) => one.prefillRemaining - other.prefillRemaining);
}
