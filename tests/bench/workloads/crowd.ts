import type { Prompts } from '../prompts.ts';
import type { LoopDelay } from '../targets/loop-delay.ts';
import type { OurServices } from '../targets/services.ts';
import { CLIENTS, type Sizes } from './sizes.ts';

/** Tokens a second of several clients together, and what it did to the event loops. */
export interface CrowdReport {
  readonly tokensPerSecond: readonly { readonly clients: number; readonly samples: readonly number[] }[];
  /** By service, over all rounds of the most clients. */
  readonly loopDelays: Readonly<Record<string, LoopDelay>>;
}

/** Has one, some and many clients ask at once, in turn. */
export async function measureCrowd(ours: OurServices, prompts: Prompts, sizes: Sizes): Promise<CrowdReport> {
  const samples = CLIENTS.map((clients) => ({ clients, samples: [] as number[] }));
  for (const { clients } of samples) await askAtOnce(ours, prompts, { ...sizes.crowd, clients });
  for (let round = 0; round < sizes.pairs; round++)
    for (const entry of samples)
      entry.samples.push(await askAtOnce(ours, prompts, { ...sizes.crowd, clients: entry.clients }));
  return { tokensPerSecond: samples, loopDelays: await measureLoopDelays(ours, prompts, sizes) };
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

async function measureLoopDelays(
  ours: OurServices,
  prompts: Prompts,
  sizes: Sizes,
): Promise<CrowdReport['loopDelays']> {
  const clients = Math.max(...CLIENTS);
  await ours.resetLoopDelays();
  for (let round = 0; round < sizes.pairs; round++)
    await askAtOnce(ours, prompts, { ...sizes.crowd, clients });
  return ours.loopDelays();
}
