import type { Prompt } from '../prompts.ts';
import { type Answer, betweenTokensMs, firstTokenMs, type Target } from '../targets/target.ts';

/** One measured answer, in milliseconds. */
export interface Sample {
  readonly firstTokenMs: number;
  readonly betweenTokensMs: number;
}

/** What one of those compared took. */
export interface Series {
  /** `diptych`, `embedded`, or the name of a peer. */
  readonly target: string;
  /** Which of its forms was taken: the faster one on this workload. */
  readonly description: string;
  readonly samples: readonly Sample[];
}

/** A workload that several have answered in turn. */
export interface Comparison {
  readonly id: string;
  readonly title: string;
  /** The figure that it is about. */
  readonly figure: keyof Sample;
  readonly series: readonly Series[];
}

/** What to compare. */
export interface CompareOptions extends Omit<Comparison, 'series'> {
  /** Forms of each: the one that answers faster is measured. */
  readonly targets: readonly (readonly Target[])[];
  readonly pairs: number;
  readonly tokens: number;
  /** A new prompt for each round; all answer the same one. */
  readonly prompt: () => Prompt | Promise<Prompt>;
}

/** Has each target answer in turn, after a first answer that warms up and chooses among forms. */
export async function compare({
  targets,
  pairs,
  tokens,
  prompt,
  ...about
}: CompareOptions): Promise<Comparison> {
  const first = await prompt();
  const chosen: { target: Target; samples: Sample[] }[] = [];
  for (const forms of targets) {
    const target = await fastest(forms, first, { tokens, figure: about.figure });
    if (target) chosen.push({ target, samples: [] });
  }
  for (let round = 0; round < pairs; round++) {
    const asked = await prompt();
    for (const { target, samples } of chosen) samples.push(sampleOf(await target.answer(asked, tokens)));
  }
  const series = chosen.map(({ target, samples }) => ({
    target: target.name,
    description: target.description,
    samples,
  }));
  return { id: about.id, title: about.title, figure: about.figure, series };
}

/** Of each target's forms the one that another comparison has chosen, where it chose one. */
export function chosenForms(
  targets: readonly (readonly Target[])[],
  { series }: Comparison,
): readonly (readonly Target[])[] {
  const chosen = new Set(series.map(({ target, description }) => `${target} ${description}`));
  return targets.map((forms) => {
    const kept = forms.filter(({ name, description }) => chosen.has(`${name} ${description}`));
    return kept.length > 0 ? kept : forms;
  });
}

async function fastest(
  forms: readonly Target[],
  prompt: Prompt,
  { tokens, figure }: { readonly tokens: number; readonly figure: keyof Sample },
): Promise<Target | undefined> {
  let best: { target: Target; value: number } | undefined;
  for (const target of forms) {
    const value = sampleOf(await target.answer(prompt, tokens))[figure];
    if (!best || value < best.value) best = { target, value };
  }
  return best?.target;
}

function sampleOf(answer: Answer): Sample {
  return { firstTokenMs: firstTokenMs(answer), betweenTokensMs: betweenTokensMs(answer) };
}

/** Values of the comparison's own figure, or of another. */
export function valuesOf(
  { series, figure }: Comparison,
  target: string,
  of: keyof Sample = figure,
): readonly number[] | undefined {
  return series.find((candidate) => candidate.target === target)?.samples.map((sample) => sample[of]);
}
