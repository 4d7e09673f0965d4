import { OnnxDecoder } from '@diptych/generation';
import type { Model } from '@diptych/models';
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

/** The most probable tokens, through the engine's decoder: prefill in chunks, then one token at a time. */
export async function generateGreedily(
  model: Model,
  { prompt, features, count }: GreedyRequest,
): Promise<number[]> {
  const capacity = prompt.length + count;
  const session = { intraOpThreads: 1 };
  using decoder = await OnnxDecoder.load({
    graphPath: model.language.graphPath,
    slots: 1,
    capacity,
    session,
  });
  const logits = new Float32Array(decoder.vocabSize);
  await prefill(decoder, model, { prompt, features, logits });
  const answer = [argmax(logits)];
  while (answer.length < count) {
    const entry = { slot: 0, past: prompt.length + answer.length - 1, id: answer.at(-1) ?? Number.NaN };
    await decoder.decode([entry], logits);
    answer.push(argmax(logits));
  }
  return answer;
}

interface Prefill extends Omit<GreedyRequest, 'count'> {
  /** Filled with the logits of the last position. */
  readonly logits: Float32Array;
}

async function prefill(
  decoder: OnnxDecoder,
  model: Model,
  { prompt, features, logits }: Prefill,
): Promise<void> {
  const { imageTokenId, hiddenSize } = model.language;
  let row = 0;
  for (let past = 0; past < prompt.length; past += CHUNK) {
    const ids = Int32Array.from(prompt.slice(past, past + CHUNK));
    const positions = Int32Array.from([...ids.keys()].filter((index) => ids[index] === imageTokenId));
    const rows = features.subarray(row * hiddenSize, (row + positions.length) * hiddenSize);
    const isLast = past + CHUNK >= prompt.length;
    await decoder.prefill({ slot: 0, past, ids, images: { rows, positions }, ...(isLast && { logits }) });
    row += positions.length;
  }
}
