import type { Prompts } from '../prompts.ts';
import { Embedded, type EmbeddedOptions } from '../targets/embedded.ts';
import type { PeerForms } from './start-peers.ts';

/** Whether a peer's float32 form answers as ours does in float32, token by token. */
export interface SameAnswers {
  readonly text: boolean;
  /** To an image of one tile, which each has prepared itself. */
  readonly image: boolean;
}

const ANSWER_TOKENS = 12;
const PROMPT_TOKENS = 40;

/**
 * Compares greedy answers, to a text and to an image of one tile, so that what is compared later is one model: ours in
 * float32 and each peer's float32 form. Has an entry for each peer that is installed.
 */
export async function checkSameModel(
  peers: readonly PeerForms[],
  prompts: Prompts,
  { edge, ...options }: Omit<EmbeddedOptions, 'weights'> & { readonly edge: number },
): Promise<ReadonlyMap<string, SameAnswers>> {
  const same = new Map<string, SameAnswers>();
  const references = peers.flatMap(({ name, forms: [reference] }) =>
    reference ? [{ name, reference }] : [],
  );
  if (references.length === 0) return same;
  const [text, image] = [prompts.text(PROMPT_TOKENS), await prompts.image(edge, { split: false })];
  await using ours = await Embedded.start({ ...options, weights: 'float32' });
  const expected = {
    text: await ours.answer(text, ANSWER_TOKENS),
    image: await ours.answer(image, ANSWER_TOKENS),
  };
  for (const { name, reference } of references) {
    const [toText, toImage] = [
      await reference.answerAsConfigured(text, ANSWER_TOKENS),
      await reference.answerAsConfigured(image, ANSWER_TOKENS),
    ];
    same.set(name, {
      text: toText.text === expected.text.text,
      image: toImage.text === expected.image.text,
    });
  }
  return same;
}
