import { processUse } from '../process-use.ts';
import type { Prompts } from '../prompts.ts';
import type { OurServices } from '../targets/services.ts';
import { CLIENTS, type Sizes } from './sizes.ts';

/** Memory of the lm-service while every slot holds a context of a known length. */
export interface ResidentReport {
  readonly slots: number;
  /** Tokens in each slot. */
  readonly tokens: number;
  /** `VmRSS`; null where the system does not tell. */
  readonly residentBytes: number | null;
  /** Before the first question. */
  readonly emptyBytes: number | null;
}

/** What each slot answers, so that all are in use at once. */
const ANSWER_TOKENS = 16;

/** Fills the slots of services that have just started, and looks at the lm-service's memory once all have answered. */
export async function measureResident(
  ours: OurServices,
  prompts: Prompts,
  sizes: Sizes,
): Promise<ResidentReport> {
  const slots = Math.max(...CLIENTS);
  const resident = () => processUse(ours.pidOf('lm-service'))?.resident ?? null;
  const emptyBytes = resident();
  const questions = Array.from({ length: slots }, () => prompts.text(sizes.resident - ANSWER_TOKENS));
  await Promise.all(questions.map((question) => ours.answer(question, ANSWER_TOKENS)));
  return { slots, tokens: sizes.resident, residentBytes: resident(), emptyBytes };
}
