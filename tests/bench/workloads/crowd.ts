import type { Prompts } from '../prompts.ts';
import { median } from '../statistics.ts';
import type { LoopDelay } from '../targets/loop-delay.ts';
import type { OurServices } from '../targets/services.ts';
import { CLIENTS, type Sizes } from './sizes.ts';

/** Tokens a second of several clients together, and what it did to the event loops. */
export interface CrowdReport {
  readonly tokensPerSecond: readonly { readonly clients: number; readonly samples: readonly number[] }[];
  /** How long each service's event loop was held up, in each round of the most clients. */
  readonly loopDelays: readonly Readonly<Record<string, LoopDelay>>[];
}

/** Has one, some and many clients ask at once, in turn. */
export async function measureCrowd(ours: OurServices, prompts: Prompts, sizes: Sizes): Promise<CrowdReport> {
  const samples = CLIENTS.map((clients) => ({ clients, samples: [] as number[] }));
  const loopDelays: Record<string, LoopDelay>[] = [];
  for (const { clients } of samples) await askAtOnce(ours, prompts, { ...sizes.crowd, clients });
  for (let round = 0; round < sizes.pairs; round++)
    for (const entry of samples) {
      await ours.resetLoopDelays();
      entry.samples.push(await askAtOnce(ours, prompts, { ...sizes.crowd, clients: entry.clients }));
      if (entry === samples.at(-1)) loopDelays.push(await ours.loopDelays());
    }
  return { tokensPerSecond: samples, loopDelays };
}

/** Each service's p99 in milliseconds, in the median of the rounds. */
export function loopDelayP99s({ loopDelays }: CrowdReport): Readonly<Record<string, number>> {
  const services = Object.keys(loopDelays[0] ?? {});
  const p99s = services.map((service) => [
    service,
    median(loopDelays.map((round) => round[service]?.p99 ?? NaN)),
  ]);
  return Object.fromEntries(p99s) as Record<string, number>;
}

/** Tokens a second, from the first question to the last token. */
async function askAtOnce(
  ours: OurServices,
  prompts: Prompts,
  { clients, prompt, answer }: Sizes['crowd'] & { readonly clients: number },
): Promise<number> {
  const questions = Array.from({ length: clients }, () => prompts.text(prompt));
  const begin = performance.now();
  const answers = await Promise.all(questions.map((question) => ours.answer(question, answer)));
  const seconds = (performance.now() - begin) / 1000;
  return answers.reduce((sum, { tokens }) => sum + tokens, 0) / seconds;
}
