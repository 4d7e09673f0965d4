import { OnnxDecoder } from '@diptych/generation';
import type { LoadedModel } from '@diptych/models';
import { argmax } from './compare.ts';

/** Small enough that prompts are cut, also in the midst of an image. */
const CHUNK = 50;

/** A prompt with rows of features for its image tokens. */
export interface GreedyRequest {
  readonly prompt: readonly number[];
  /** [image tokens of the prompt, hidden]. */
  readonly features: Float32Array;
  /** Number of tokens to generate; tokens that end an answer do not end it here. */
  readonly count: number;
}

/**
 * The most probable tokens of each conversation, through the engine's decoder: prefill in chunks, then one token of
 * all conversations at a time, in one batch.
 */
export async function generateGreedily(
  model: LoadedModel,
  requests: readonly GreedyRequest[],
): Promise<number[][]> {
  const capacity = Math.max(...requests.map(({ prompt, count }) => prompt.length + count));
  using decoder = await OnnxDecoder.load({
    graphPath: model.language.graphPath,
    slots: requests.length,
    capacity,
    session: { intraOpThreads: 1 },
  });
  const answers: Answer[] = [];
  for (const [slot, { prompt, features, count }] of requests.entries()) {
    const logits = new Float32Array(decoder.vocabSize);
    await prefill(decoder, model, { slot, prompt, features, logits });
    answers.push({ slot, count, length: prompt.length, ids: [argmax(logits)] });
  }
  while (answers.some(isUnfinished)) await decodeStep(decoder, answers.filter(isUnfinished));
  return answers.map(({ ids }) => ids);
}

interface Answer {
  readonly slot: number;
  readonly count: number;
  /** Tokens of the prompt. */
  readonly length: number;
  readonly ids: number[];
}

function isUnfinished({ ids, count }: Answer): boolean {
  return ids.length < count;
}

async function decodeStep(decoder: OnnxDecoder, answers: readonly Answer[]): Promise<void> {
  const { vocabSize } = decoder;
  const logits = new Float32Array(answers.length * vocabSize);
  const entries = answers.map(({ slot, length, ids }) => ({
    slot,
    past: length + ids.length - 1,
    id: ids.at(-1) ?? Number.NaN,
  }));
  await decoder.decode(entries, logits);
  for (const [row, { ids }] of answers.entries())
    ids.push(argmax(logits.subarray(row * vocabSize, (row + 1) * vocabSize)));
}

interface Prefill extends Omit<GreedyRequest, 'count'> {
  readonly slot: number;
  /** Filled with the logits of the last position. */
  readonly logits: Float32Array;
}

async function prefill(
  decoder: OnnxDecoder,
  model: LoadedModel,
  { slot, prompt, features, logits }: Prefill,
): Promise<void> {
  const { imageTokenId, hiddenSize } = model.language;
  let row = 0;
  for (let past = 0; past < prompt.length; past += CHUNK) {
    const ids = Int32Array.from(prompt.slice(past, past + CHUNK));
    const positions = Int32Array.from([...ids.keys()].filter((index) => ids[index] === imageTokenId));
    const rows = features.subarray(row * hiddenSize, (row + positions.length) * hiddenSize);
    const isLast = past + CHUNK >= prompt.length;
    await decoder.prefill({ slot, past, ids, images: { rows, positions }, ...(isLast && { logits }) });
    row += positions.length;
  }
}
