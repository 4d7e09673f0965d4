import type { Prompts } from '../prompts.ts';
import { Embedded, type EmbeddedOptions } from '../targets/embedded.ts';
import type { PeerForms } from './start-peers.ts';

/** Whether a peer's float32 form answers as ours does in float32. */
export interface SameModel {
  readonly peer: string;
  /** null where the peer is not installed. */
  readonly isSame: boolean | null;
}

const ANSWER_TOKENS = 12;
const PROMPT_TOKENS = 40;

/**
 * Compares greedy answers, to a text and to an image of one tile, so that what is compared later is one model: ours in
 * float32 and each peer's float32 form.
 */
export async function checkSameModel(
  peers: readonly PeerForms[],
  prompts: Prompts,
  { edge, ...options }: Omit<EmbeddedOptions, 'weights'> & { readonly edge: number },
): Promise<SameModel[]> {
  if (peers.every(({ forms }) => forms.length === 0))
    return peers.map(({ name }) => ({ peer: name, isSame: null }));
  const questions = [prompts.text(PROMPT_TOKENS), await prompts.image(edge, { split: false })];
  await using ours = await Embedded.start({ ...options, weights: 'float32' });
  const expected: string[] = [];
  for (const question of questions) expected.push((await ours.answer(question, ANSWER_TOKENS)).text);
  const results: SameModel[] = [];
  for (const { name, forms } of peers) {
    const [reference] = forms;
    let isSame: boolean | null = reference ? true : null;
    for (const [index, question] of questions.entries()) {
      const answer = await reference?.answerAsConfigured(question, ANSWER_TOKENS);
      if (answer && answer.text !== expected[index]) isSame = false;
    }
    results.push({ peer: name, isSame });
  }
  return results;
}
