/** What the scheduler looks at of a sequence that has a slot. */
export interface Schedulable {
  /** Tokens of the prompt that are not in the KV cache yet; 0 while the sequence decodes. */
  readonly prefillRemaining: number;
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
  /** Parts of prompts, in order. */
  readonly prefill: readonly PrefillChunk<S>[];
}

/**
 * Plans one step over the sequences that have a slot, in order of their admission: every decoding sequence
 * advances; then prompts, first come first served, share `prefillBudget` tokens, so that a long prompt never
 * stalls the streams of others for more than one chunk.
 */
export function planStep<S extends Schedulable>(active: readonly S[], prefillBudget: number): StepPlan<S> {
  const decode = active.filter((sequence) => sequence.prefillRemaining === 0);
  const prefill: PrefillChunk<S>[] = [];
  let budget = prefillBudget;
  for (const sequence of active) {
    const tokens = Math.min(sequence.prefillRemaining, budget);
    if (tokens > 0) prefill.push({ sequence, tokens });
    budget -= tokens;
  }
  return { decode, prefill };
}

/** The waiting sequences that may have a slot now: first come, first served. */
export function planAdmission<S>(waiting: readonly S[], freeSlots: number): readonly S[] {
  return waiting.slice(0, freeSlots);
}
