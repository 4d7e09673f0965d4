import { setImmediate } from 'node:timers/promises';
import { DiptychError, toDiptychError } from '@diptych/errors';
import { checkRequest } from './check-request.ts';
import type { Decoder } from './decoder-interface.ts';
import type { Generation, SequenceListener, SequenceRequest } from './request.ts';
import { copyPrefix, type Outcome, runStep } from './run-step.ts';
import { Sampler } from './sampler.ts';
import { planAdmission, planStep, type StepPlan } from './scheduler.ts';
import { Sequence } from './sequence.ts';
import { SlotTable } from './slots.ts';
import { StepTimes } from './step-times.ts';

/** What an engine is made of. */
export interface EngineOptions {
  /** Used by this engine alone; the caller disposes it, after `close`. */
  readonly decoder: Decoder;
  /** Sequences that may wait for a slot. */
  readonly maxQueue?: number;
  /** Most prompt tokens that one step computes, over all prompts. Fewer where they would hold up a stream. */
  readonly prefillChunk?: number;
  /** Most tokens of an answer that are guessed at once from what stands in the sequence already; 0: none. */
  readonly speculate?: number;
}

/** How busy an engine is. */
export interface EngineLoad {
  /** Sequences that wait for a slot. */
  readonly queued: number;
  /** Sequences that have a slot. */
  readonly active: number;
  readonly slots: number;
}

/**
 * Generates many sequences at once by continuous batching: each step advances every decoding sequence by one
 * token and computes a part of the prompts.
 *
 * One loop owns queue and slots; the methods only post to it. The loop runs while there is work and lets the
 * event loop turn between steps. A sequence's tokens depend on its request alone, never on its neighbours, on how
 * its prompt was cut or on what a slot still held. An error ends the sequence it belongs to and no other.
 */
export class Engine implements AsyncDisposable {
  readonly #decoder: Decoder;
  readonly #maxQueue: number;
  readonly #prefillChunk: number;
  readonly #speculate: number;
  readonly #sampler: Sampler;
  readonly #slots: SlotTable;
  readonly #logits: Float32Array;
  #waiting: Sequence[] = [];
  #active: Sequence[] = [];
  readonly #times = new StepTimes();
  #turn = 0;
  #typicalMs = FIRST_RETRY_MS;
  #loop: Promise<void> | undefined;
  #closing = false;

  constructor(options: EngineOptions) {
    const {
      decoder,
      maxQueue = DEFAULT_QUEUE,
      prefillChunk = DEFAULT_PREFILL_CHUNK,
      speculate = 0,
    } = options;
    this.#decoder = decoder;
    this.#maxQueue = maxQueue;
    this.#prefillChunk = prefillChunk;
    this.#speculate = speculate;
    this.#sampler = new Sampler(decoder.vocabSize);
    this.#slots = new SlotTable(decoder.slots, decoder.capacity);
    this.#logits = new Float32Array(decoder.slots * (1 + speculate) * decoder.vocabSize);
  }

  get load(): EngineLoad {
    return { queued: this.#waiting.length, active: this.#active.length, slots: this.#decoder.slots };
  }

  /**
   * Queues a sequence. The listener is not called before this returns.
   *
   * @throws DiptychError `context_length_exceeded`, `invalid_parameter`, `queue_full` (with `retryAfterMs`),
   * `shutting_down`
   */
  submit(request: SequenceRequest, listener: SequenceListener): Generation {
    if (this.#closing) throw shuttingDown();
    const maxTokens = checkRequest(request, this.#decoder);
    const sequence = new Sequence(request, listener, { maxTokens, speculate: this.#speculate });
    this.#checkRoom();
    this.#waiting.push(sequence);
    this.#wake();
    return { cancel: () => this.#cancel(sequence) };
  }

  /** Takes no new sequences, ends the present ones with `shutting_down`, and waits for the step that runs. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const sequence of [...this.#waiting, ...this.#active]) sequence.abandon(shuttingDown());
    await this.#loop;
  }

  /** Same as `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #wake(): void {
    this.#loop ??= this.#run();
  }

  async #run(): Promise<void> {
    do {
      await setImmediate();
      await this.#step().catch((error: unknown) => this.#failAll(error));
    } while (this.#waiting.length + this.#active.length > 0);
    this.#loop = undefined;
  }

  async #step(): Promise<void> {
    const plan = await this.#schedule();
    const outcomes = await runStep({ decoder: this.#decoder, times: this.#times }, plan, this.#logits);
    await this.#commit(outcomes);
  }

  async #schedule(): Promise<StepPlan<Sequence>> {
    for (const sequence of this.#waiting) sequence.finishIfWhole();
    this.#releaseEnded();
    for (const sequence of planAdmission(this.#waiting, this.#slots.free)) this.#admit(sequence);
    this.#releaseEnded();
    const limits = { prefillChunk: this.#prefillChunk, turn: this.#turn++, costs: this.#times.costs };
    const plan = planStep(this.#active, limits);
    const copied = await this.#sharePrefixes(plan);
    if (copied.size === 0) return plan;
    return planStep(
      this.#active.filter((sequence) => !copied.has(sequence)),
      limits,
    );
  }

  /**
   * What another slot holds of a prompt that is about to be computed is copied instead, a part in each step: also of
   * many that came together and begin alike.
   */
  async #sharePrefixes({ prefill }: StepPlan<Sequence>): Promise<ReadonlySet<Sequence>> {
    const copied = new Set<Sequence>();
    for (const { sequence } of prefill) if (await copyPrefix(this.#decoder, sequence)) copied.add(sequence);
    return copied;
  }

  #admit(sequence: Sequence): void {
    const lease = this.#slots.acquire(sequence.slotRequest());
    if (!lease) return;
    this.#waiting = this.#waiting.filter((other) => other !== sequence);
    this.#active.push(sequence);
    isolate(sequence, () => sequence.admit(lease));
  }

  /** Choosing from a large vocabulary takes a millisecond or more for each sequence: others get their turn between. */
  async #commit(outcomes: readonly Outcome[]): Promise<void> {
    let resumed = performance.now();
    for (const outcome of outcomes) {
      isolate(outcome.sequence, () => this.#commitOne(outcome));
      if (performance.now() - resumed < MOST_BUSY_MS) continue;
      await setImmediate();
      resumed = performance.now();
    }
    this.#releaseEnded();
  }

  #commitOne(outcome: Outcome): void {
    if ('error' in outcome) throw outcome.error;
    const { sequence, computed, logits } = outcome;
    if (computed === 'guess') sequence.commitCheck(this.#sampler, logits);
    else sequence.commit(this.#sampler, computed, logits);
  }

  #releaseEnded(): void {
    const ended = this.#active.filter((sequence) => sequence.ended);
    for (const sequence of ended) {
      this.#typicalMs += (sequence.activeMs - this.#typicalMs) * RETRY_SMOOTHING;
      sequence.release();
    }
    this.#active = this.#active.filter((sequence) => !sequence.ended);
    this.#waiting = this.#waiting.filter((sequence) => !sequence.ended);
  }

  #cancel(sequence: Sequence): void {
    sequence.abandon(new DiptychError('cancelled', 'The caller cancelled the generation.'));
    this.#waiting = this.#waiting.filter((other) => other !== sequence);
  }

  /** For a mistake of the engine's own: nobody is left waiting. */
  #failAll(error: unknown): void {
    for (const sequence of [...this.#waiting, ...this.#active]) sequence.fail(toDiptychError(error));
    this.#releaseEnded();
  }

  #checkRoom(): void {
    const { queued } = this.load;
    if (queued < this.#maxQueue + this.#slots.free) return;
    const retryAfterMs = Math.ceil((this.#typicalMs * (queued + 1)) / this.#decoder.slots);
    throw new DiptychError(
      'queue_full',
      `${queued} requests are waiting already, which is as many as this server accepts. ` +
        `Try again in ${retryAfterMs} ms.`,
      { retryAfterMs },
    );
  }
}

/** A few times the slots of a usual server: waiting longer is worse for a caller than trying elsewhere. */
const DEFAULT_QUEUE = 64;

/**
 * Measured on the shape of SmolVLM-256M in int8, processor time for each token of a prompt: parts of 64 and 128 tokens
 * take the least (from the start 2.7 and 2.9 ms, behind 2,000 tokens 6.3 and 6.1), 256 take 3.4 and 6.5, as what lies
 * between two products no longer fits into the caches.
 */
const DEFAULT_PREFILL_CHUNK = 128;

/** How long tokens are chosen at one go: the event loop also carries everybody's answers. */
const MOST_BUSY_MS = 5;

/** How long a sequence holds its slot, as long as none has finished. */
const FIRST_RETRY_MS = 1000;

/** Weight of the newest sequence in the running mean of how long a sequence holds its slot. */
const RETRY_SMOOTHING = 0.2;

/** Runs one sequence's part of a step; what it throws ends that sequence alone. */
function isolate(sequence: Sequence, work: () => void): void {
  try {
    work();
  } catch (error) {
    sequence.fail(toDiptychError(error));
  }
}

function shuttingDown(): DiptychError {
  return new DiptychError('shutting_down', 'The server is shutting down. Try again, or use another replica.');
}
