import type { Prompts } from '../prompts.ts';
import type { OurServices } from '../targets/services.ts';
import type { Sizes } from './sizes.ts';

/** Milliseconds between the pieces of a running answer: before, and while another prompt is prefilled. */
export interface IntruderReport {
  readonly undisturbed: readonly number[];
  readonly disturbed: readonly number[];
  /** How long each prefill took to its first token. */
  readonly prefills: readonly number[];
}

/** Pieces of the running answer before the intruder comes. */
const QUIET_PIECES = 40;

/** Lets an answer run, has a long prompt prefilled beside it, and notes the running answer's pace. */
export async function measureIntruder(
  ours: OurServices,
  prompts: Prompts,
  sizes: Sizes,
): Promise<IntruderReport> {
  const rounds: Round[] = [];
  for (let round = 0; round < sizes.pairs; round++)
    rounds.push(await runRound(ours, prompts, sizes.intruder));
  return {
    undisturbed: rounds.flatMap(({ times, begin }) => gaps(times.filter((time) => time <= begin))),
    disturbed: rounds.flatMap(({ times, begin, end }) => gapsWithin(times, begin, end)),
    prefills: rounds.map(({ begin, end }) => end - begin),
  };
}

interface Round {
  readonly times: readonly number[];
  /** When the intruder asked and when it had its first token. */
  readonly begin: number;
  readonly end: number;
}

async function runRound(
  ours: OurServices,
  prompts: Prompts,
  { prompt, running }: Sizes['intruder'],
): Promise<Round> {
  const controller = new AbortController();
  const times: number[] = [];
  let intruder: Promise<{ begin: number; end: number }> | undefined;
  for await (const time of ours.stream(prompts.text(MIN_PROMPT), running, controller.signal)) {
    times.push(time);
    if (times.length === QUIET_PIECES)
      intruder = prefill(ours, prompts, prompt).finally(() => controller.abort());
  }
  if (!intruder) throw new Error('the running answer ended before another prompt came');
  return { times, ...(await intruder) };
}

/** Room for the template and a few letters. */
const MIN_PROMPT = 32;

async function prefill(ours: OurServices, prompts: Prompts, tokens: number) {
  const prompt = prompts.text(tokens);
  const begin = performance.now();
  await ours.answer(prompt, 1);
  return { begin, end: performance.now() };
}

/** Pauses between neighbours. */
export function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => time - (times[index] ?? NaN));
}

/** Pauses that ended or went on within the time from `begin` to `end`. */
export function gapsWithin(times: readonly number[], begin: number, end: number): number[] {
  return times
    .slice(1)
    .map((time, index) => ({ time, before: times[index] ?? NaN }))
    .filter(({ time, before }) => time > begin && before < end)
    .map(({ time, before }) => time - before);
}
