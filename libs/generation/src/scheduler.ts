/** What the scheduler looks at of a sequence that has a slot. */
export interface Schedulable {
  /** Tokens of the prompt that are not in the KV cache yet; 0 while the sequence decodes. */
  readonly prefillRemaining: number;
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

/** How long runs took lately. */
export interface StepCosts {
  /** Milliseconds of one decode step. */
  readonly decodeMs: number;
  /** Milliseconds that each token of a part of a prompt adds to those of a decode step. */
  readonly prefillTokenMs: number;
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
 * then prompts share what else the step may take. That is `prefillChunk` tokens where nobody decodes, and as many as
 * take the time of `STREAM_SHARE` decode steps where somebody does, so that no prompt stalls a stream.
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
  const budget = streams.length > 0 ? streamBudget(limits) : { tokens: limits.prefillChunk, perRun: 0 };
  return {
    decode: streams.filter(({ guessed }) => guessed === 0),
    check: streams.filter(({ guessed }) => guessed > 0),
    prefill: share(prompts, budget),
  };
}

/** The waiting sequences that may have a slot now: first come, first served. */
export function planAdmission<S>(waiting: readonly S[], freeSlots: number): readonly S[] {
  return waiting.slice(0, freeSlots);
}

/**
 * Time of prompts beside streams, in decode steps. A stream's next token then comes after 1 + 1.5 of its usual times,
 * which leaves room for what no estimate foresees under the aim, three times.
 */
const STREAM_SHARE = 1.5;

/** Kernels work on rows in groups of this size, and fewer cost as much. */
const ROW_GROUP = 16;

/** Tokens beside streams as long as nothing was measured: safe, and enough to learn from. */
const FIRST_TOKENS = 2 * ROW_GROUP;

interface Budget {
  readonly tokens: number;
  /** What a further run costs beside its tokens, in tokens: it reads all weights again. */
  readonly perRun: number;
}

function streamBudget({ prefillChunk, costs }: StepLimits): Budget {
  if (costs === undefined) return { tokens: Math.min(prefillChunk, FIRST_TOKENS), perRun: FIRST_TOKENS };
  const perRun = costs.decodeMs / costs.prefillTokenMs;
  const groups = Math.max(1, Math.floor(((STREAM_SHARE - 1) * perRun) / ROW_GROUP));
  return { tokens: Math.min(prefillChunk, groups * ROW_GROUP), perRun };
}

function share<S extends Schedulable>(prompts: readonly S[], { tokens, perRun }: Budget): PrefillChunk<S>[] {
  const chunks: PrefillChunk<S>[] = [];
  let left = tokens;
  for (const sequence of prompts) {
    if (left < 1) break;
    const count = Math.min(sequence.prefillRemaining, Math.floor(left));
    chunks.push({ sequence, tokens: count });
    left -= count + perRun;
  }
  return chunks;
}

function inTurn<S extends Schedulable>(prompts: readonly S[], turn: number): readonly S[] {
  if (turn % 2 === 0) return prompts;
  return prompts.toSorted((one, other) => one.prefillRemaining - other.prefillRemaining);
}
