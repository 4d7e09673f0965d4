import { nextTurn, type Prompts } from '../prompts.ts';
import type { OurServices } from '../targets/services.ts';
import { firstTokenMs } from '../targets/target.ts';
import type { Sizes } from './sizes.ts';

/** The two turns of a conversation about an image, to the first token. */
export interface TurnSample {
  readonly firstMs: number;
  readonly secondMs: number;
  readonly promptTokens: number;
  /** Of the second turn's prompt. */
  readonly cachedTokens: number;
}

/** Short, as a letter is a token to the stub tokeniser: about as many tokens as a sentence has to a real one. */
const FIRST_ANSWER = 'Two cats';
const SECOND_QUESTION = 'Which one?';
const ANSWER_TOKENS = 4;

/** Asks about an image of one tile, and asks again. */
export async function measureSecondTurn(
  ours: OurServices,
  prompts: Prompts,
  sizes: Sizes,
): Promise<TurnSample[]> {
  const samples: TurnSample[] = [];
  for (let round = 0; round <= sizes.pairs; round++) {
    const question = await prompts.image(sizes.smallEdge, { split: false });
    const first = await ours.answer(question, ANSWER_TOKENS);
    const messages = nextTurn(question, FIRST_ANSWER, SECOND_QUESTION);
    const second = await ours.answer({ messages }, ANSWER_TOKENS);
    // The first round warms up.
    if (round === 0) continue;
    samples.push({
      firstMs: firstTokenMs(first),
      secondMs: firstTokenMs(second),
      promptTokens: second.promptTokens,
      cachedTokens: second.cachedTokens,
    });
  }
  return samples;
}
