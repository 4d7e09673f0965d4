import type { Decoder } from './decoder-interface.ts';
import type { StepPlan } from './scheduler.ts';
import type { Sequence } from './sequence.ts';
import type { StepTimes } from './step-times.ts';

/** What became of one sequence in one step. */
export type Outcome =
  | {
      readonly sequence: Sequence;
      /** Tokens that the cache holds more than before; for a guess, how many is to be seen. */
      readonly computed: number | 'guess';
      /** Logits of the last of them, of a guess those of each token; a view of the step's buffer. */
      readonly logits: Float32Array;
    }
  | { readonly sequence: Sequence; readonly error: unknown };

/** What steps run on. */
export interface StepRunner {
  readonly decoder: Decoder;
  /** Told how long each run took. */
  readonly times: StepTimes;
}

/**
 * Runs a plan: the decode batch, then the guesses, then the parts of prompts. Never rejects: an error becomes the
 * outcome of the sequence it belongs to.
 *
 * @param logits `[rows, vocabSize]`, filled; a plan has a row for each slot and each guessed token at most
 */
export async function runStep(
  runner: StepRunner,
  plan: StepPlan<Sequence>,
  logits: Float32Array,
): Promise<Outcome[]> {
  const { vocabSize } = runner.decoder;
  let used = plan.decode.length;
  const rows = (count: number) => logits.subarray(used * vocabSize, (used += count) * vocabSize);
  const outcomes = plan.decode.length === 0 ? [] : await decode(runner, plan.decode, logits);
  for (const sequence of plan.check) outcomes.push(await check(runner, sequence, rows(sequence.guessed + 1)));
  for (const { sequence, tokens } of plan.prefill)
    outcomes.push(await prefill(runner, sequence, tokens, rows(1)));
  return outcomes;
}

/**
 * One batched step. Where the batch fails, its members run one by one, so that only the culprit fails: a step
 * writes the same keys and values to the same places again.
 */
async function decode(
  runner: StepRunner,
  sequences: readonly Sequence[],
  logits: Float32Array,
): Promise<Outcome[]> {
  const { decoder, times } = runner;
  const row = (index: number) => logits.subarray(index * decoder.vocabSize, (index + 1) * decoder.vocabSize);
  try {
    const start = performance.now();
    await decoder.decode(
      sequences.map((sequence) => sequence.decodeEntry()),
      logits,
    );
    times.decoded(performance.now() - start);
    return sequences.map((sequence, i) => ({ sequence, computed: 1, logits: row(i) }));
  } catch (error) {
    const [only, ...others] = sequences;
    if (only && others.length === 0) return [{ sequence: only, error }];
    const outcomes: Outcome[] = [];
    for (const [i, sequence] of sequences.entries())
      outcomes.push(...(await decode(runner, [sequence], row(i))));
    return outcomes;
  }
}

async function prefill(
  { decoder, times }: StepRunner,
  sequence: Sequence,
  tokens: number,
  logits: Float32Array,
): Promise<Outcome> {
  try {
    const start = performance.now();
    await decoder.prefill(sequence.prefillStep(tokens, logits));
    times.prefilled(tokens, performance.now() - start);
    return { sequence, computed: tokens, logits };
  } catch (error) {
    return { sequence, error };
  }
}

async function check({ decoder }: StepRunner, sequence: Sequence, logits: Float32Array): Promise<Outcome> {
  try {
    await decoder.prefill(sequence.checkStep(logits));
    return { sequence, computed: 'guess', logits };
  } catch (error) {
    return { sequence, error };
  }
}

/** Copies into a prompt's slot a part of what another slot holds of it. True where there was something. */
export async function copyPrefix(decoder: Decoder, sequence: Sequence): Promise<boolean> {
  const step = sequence.copyStep();
  if (step === undefined) return false;
  await decoder.copy(step);
  sequence.commitCopy(step);
  return true;
}
