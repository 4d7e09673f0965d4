import { DiptychError } from '@diptych/errors';
import type { CopyStep, DecodeEntry, ImageRows, PrefillStep } from './decoder-interface.ts';
import { TokenHistory } from './penalties.ts';
import { placeRows } from './prefix.ts';
import { PromptLookup } from './prompt-lookup.ts';
import type {
  FinishReason,
  SequenceListener,
  SequenceRequest,
  SequenceTimings,
  SequenceUsage,
} from './request.ts';
import type { SampledToken, Sampler } from './sampler.ts';
import type { Schedulable } from './scheduler.ts';
import type { SlotLease, SlotRequest } from './slots.ts';

/** What the engine decides about a sequence. */
export interface SequenceLimits {
  /** Most tokens of the answer, resumed ones included. */
  readonly maxTokens: number;
  /** Most tokens to guess at once; 0: none. */
  readonly speculate: number;
}

/**
 * One sequence from submission to its end: its tokens, how many of them the KV cache holds, and its listener.
 * Ending is idempotent; afterwards the listener hears nothing more.
 */
export class Sequence implements Schedulable {
  readonly #request: SequenceRequest;
  readonly #listener: SequenceListener;
  readonly #maxTokens: number;
  readonly #endIds: ReadonlySet<number>;
  readonly #history: TokenHistory;
  readonly #clock: Clock = { submitted: performance.now() };
  /** Prompt, resumed tokens, new tokens: the first `#length` are known, the first `#computed` in the cache. */
  readonly #tokens: Int32Array;
  #length: number;
  #computed = 0;
  /** Prompt tokens that were in the cache without being computed. */
  #cached = 0;
  readonly #lookup: PromptLookup | undefined;
  /** What is guessed to follow the first token that is not in the cache. */
  #guess: Int32Array = NO_GUESS;
  #lease: SlotLease | undefined;
  #ended = false;
  #tainted = false;

  constructor(
    request: SequenceRequest,
    listener: SequenceListener,
    { maxTokens, speculate }: SequenceLimits,
  ) {
    const { promptIds, resumeIds, sampling, endTokenIds } = request;
    this.#request = request;
    this.#listener = listener;
    this.#maxTokens = maxTokens;
    this.#endIds = new Set([...(sampling.ignoreEos ? [] : endTokenIds), ...sampling.stopTokenIds]);
    this.#history = new TokenHistory(promptIds, resumeIds);
    this.#tokens = new Int32Array(promptIds.length + maxTokens);
    this.#tokens.set(promptIds);
    this.#tokens.set(resumeIds, promptIds.length);
    this.#length = promptIds.length + resumeIds.length;
    this.#lookup = speculate > 0 ? new PromptLookup(this.#tokens, speculate) : undefined;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get prefillRemaining(): number {
    return Math.max(0, this.#request.promptIds.length - this.#computed);
  }

  get guessed(): number {
    return this.#guess.length;
  }

  /** Milliseconds since the sequence got its slot, 0 before. */
  get activeMs(): number {
    return this.#clock.admitted === undefined ? 0 : performance.now() - this.#clock.admitted;
  }

  /** What the sequence needs in a slot. */
  slotRequest(): SlotRequest {
    const { promptIds, imagePositions, images, cacheSalt } = this.#request;
    return { ids: promptIds, rows: placeRows(imagePositions, images), salt: cacheSalt };
  }

  /** Takes over a slot. The lease is given back by `release`. */
  admit(lease: SlotLease): void {
    this.#lease = lease;
    this.#computed = this.#cached = lease.cached;
    this.#clock.admitted = performance.now();
    this.#listener.admitted?.({ cachedTokens: lease.cached, queueMs: this.#timings().queueMs });
  }

  /** What another slot holds of the prompt beyond what was computed, where copying that spares work. */
  copyStep(): CopyStep | undefined {
    const source = this.#lease?.richer();
    return source && { from: source.slot, to: this.#slot, start: this.#computed, end: source.length };
  }

  /** Takes over what a copy brought. */
  commitCopy({ end }: CopyStep): void {
    this.#cached += end - this.#computed;
    this.#noteCached(end - this.#computed);
    this.#computed = end;
  }

  /** The next `count` tokens of the prompt as a step; `logits` is filled where the next token follows them. */
  prefillStep(count: number, logits: Float32Array): PrefillStep {
    const past = this.#computed;
    const ids = this.#tokens.subarray(past, past + count);
    const step = { slot: this.#slot, past, ids, images: this.#imageRows(past, past + count) };
    return past + count === this.#length ? { ...step, logits } : step;
  }

  /**
   * The first token of the answer that the cache does not hold, as an entry of a decode step. That is the newest
   * one, or a resumed one: these are not prefilled with the prompt, because a kernel may add up in another order
   * for one row than for many, and a resumed stream must be the same to the last bit.
   */
  decodeEntry(): DecodeEntry {
    return { slot: this.#slot, past: this.#computed, id: this.#tokens[this.#computed] ?? 0 };
  }

  /** The token of `decodeEntry` and the guess behind it as one run, which fills a row of `logits` for each. */
  checkStep(logits: Float32Array): PrefillStep {
    const ids = Int32Array.of(this.#tokens[this.#computed] ?? 0, ...this.#guess);
    return { slot: this.#slot, past: this.#computed, ids, images: NO_IMAGES, logits };
  }

  /** Takes over what a step computed: `count` tokens, and the logits of the last of them. */
  commit(sampler: Sampler, count: number, logits: Float32Array): void {
    this.#noteCached(count);
    this.#computed += count;
    if (this.#caughtUp && !this.#ended) this.#choose(sampler, logits);
    this.#guessNext();
  }

  /**
   * Takes over a run of `checkStep`: row by row, as long as the token that was guessed is the one that follows, which
   * is a resumed one or the one that sampling chooses there. So guesses never change an answer, and a resumed stream
   * is computed by the same runs as the one that was lost.
   */
  commitCheck(sampler: Sampler, logits: Float32Array): void {
    const guess = this.#guess;
    const width = logits.length / (guess.length + 1);
    let right = 0;
    for (let row = 0; row <= guess.length && !this.#ended; row++) {
      this.#computed += 1;
      if (this.#caughtUp) this.#choose(sampler, logits.subarray(row * width, (row + 1) * width));
      if (guess[row] !== this.#tokens[this.#computed]) break;
      right += 1;
    }
    this.#lookup?.checked({ guessed: guess.length, right, length: this.#computed });
    this.#guessNext();
  }

  /** Ends at once where the resumed tokens are a whole answer already: another machine was lost just then. */
  finishIfWhole(): void {
    const last = this.#request.resumeIds.at(-1);
    if (last !== undefined && this.#endIds.has(last)) this.finish('stop');
    else if (this.#generated === this.#maxTokens) this.finish('length');
  }

  /** Ends with success. */
  finish(reason: FinishReason): void {
    const summary = { reason, usage: this.#usage(), timings: this.#timings() };
    this.#end(() => this.#listener.finished(summary));
  }

  /** Ends because something went wrong: what its slot holds is not to be trusted. */
  fail(error: DiptychError): void {
    this.#tainted = true;
    this.#end(() => this.#listener.failed(error));
  }

  /** Ends because somebody wants so. */
  abandon(error: DiptychError): void {
    this.#end(() => this.#listener.failed(error));
  }

  /** Gives the slot back, if there is one. */
  release(): void {
    this.#lease?.release({ keep: !this.#tainted });
    this.#lease = undefined;
  }

  /**
   * Only prompt tokens are offered to later prompts: what decoding left of the answer may differ in the last bits
   * from what prefilling it leaves.
   */
  #noteCached(count: number): void {
    if (this.prefillRemaining === 0) return;
    this.#lease?.append(this.#tokens.subarray(this.#computed, this.#computed + count));
  }

  /** True when the cache holds every token that is known: the next one can be chosen. */
  get #caughtUp(): boolean {
    return this.#computed === this.#length;
  }

  /** Guesses from the tokens up to the first that is not in the cache, as if those behind it were not known yet. */
  #guessNext(): void {
    if (this.#ended || this.prefillRemaining > 0 || this.#lookup === undefined) return;
    this.#guess = this.#lookup.guess(this.#computed + 1, this.#tokens.length - this.#computed - 2);
  }

  /** Chooses the next token from the logits of the newest one, reports it, and ends where it is the last. */
  #choose(sampler: Sampler, logits: Float32Array): void {
    const { sampling } = this.#request;
    const index = this.#generated;
    const banned = index < sampling.minTokens ? this.#endIds : [];
    this.#take(sampler.sample(logits, { parameters: sampling, history: this.#history, index, banned }));
  }

  #take({ id, logprobs }: SampledToken): void {
    const index = this.#generated;
    this.#tokens[this.#length++] = id;
    this.#history.add(id);
    this.#clock.last = performance.now();
    this.#clock.first ??= this.#clock.last;
    const end = this.#endIds.has(id);
    const word = this.#listener.token({ id, index, end, ...(logprobs && { logprobs }) });
    if (end || word === 'stop') this.finish('stop');
    else if (this.#generated === this.#maxTokens) this.finish('length');
  }

  #end(report: () => void): void {
    if (this.#ended) return;
    this.#ended = true;
    try {
      report();
    } catch (error) {
      process.emitWarning(new Error('A listener failed when its sequence ended.', { cause: error }));
    }
  }

  get #generated(): number {
    return this.#length - this.#request.promptIds.length;
  }

  get #slot(): number {
    if (this.#lease) return this.#lease.slot;
    throw new DiptychError('internal', 'A sequence without a slot was scheduled.');
  }

  /** The feature rows of positions `[from, to)`. */
  #imageRows(from: number, to: number): ImageRows {
    const { imagePositions, imageFeatures } = this.#request;
    const first = countBelow(imagePositions, from);
    const end = countBelow(imagePositions, to);
    const hidden = imagePositions.length === 0 ? 0 : imageFeatures.length / imagePositions.length;
    return {
      rows: imageFeatures.subarray(first * hidden, end * hidden),
      positions: imagePositions.subarray(first, end).map((position) => position - from),
    };
  }

  #usage(): SequenceUsage {
    return {
      promptTokens: this.#request.promptIds.length,
      completionTokens: this.#generated,
      imageTokens: this.#request.imagePositions.length,
      cachedTokens: this.#cached,
    };
  }

  #timings(): SequenceTimings {
    const { submitted, admitted = submitted, first = admitted, last = first } = this.#clock;
    return { queueMs: admitted - submitted, prefillMs: first - admitted, decodeMs: last - first };
  }
}

const NO_GUESS = new Int32Array();

const NO_IMAGES: ImageRows = { rows: new Float32Array(), positions: new Int32Array() };

/** Readings of `performance.now()`. */
interface Clock {
  readonly submitted: number;
  admitted?: number;
  first?: number;
  last?: number;
}

/** How many of the ascending positions are below `limit`. */
function countBelow(positions: Int32Array, limit: number): number {
  const index = positions.findIndex((position) => position >= limit);
  return index === -1 ? positions.length : index;
}
