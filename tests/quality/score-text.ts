import assert from 'node:assert/strict';
import type { Model } from '@diptych/models';
import { Tokenizer } from '@diptych/text';
import { argmax } from '../golden/compare.ts';
import type { Graphs } from '../golden/run-graphs.ts';

/** What a model makes of a text, one entry for each token that has one before it. */
export interface TextScore {
  /** Natural logarithm of the probability that the model gave the token, negated. */
  readonly losses: readonly number[];
  /** The token that the model found most probable. */
  readonly best: readonly number[];
}

/** The text's ids, cut into prompts of this many. */
export async function readPrompts(model: Model, text: string, length: number): Promise<number[][]> {
  const { checkpoint, family } = model;
  const tokenizer = Tokenizer.load({
    tokenizer: await checkpoint.readJson('tokenizer.json'),
    tokenizerConfig: await checkpoint.readJson('tokenizer_config.json'),
    modelType: family,
  });
  const ids = [
    ...tokenizer.encodePrompt([{ kind: 'user', text }], [], { imageTokenId: model.language.imageTokenId })
      .ids,
  ];
  const prompts = Array.from({ length: Math.ceil(ids.length / length) }, (_, index) =>
    ids.slice(index * length, (index + 1) * length),
  );
  return prompts.filter((prompt) => prompt.length > 1);
}

/** Runs each prompt in one step and scores all of its tokens but the first. */
export async function scoreText(
  graphs: Graphs,
  vocabSize: number,
  prompts: readonly number[][],
): Promise<TextScore> {
  const losses: number[] = [];
  const best: number[] = [];
  for (const prompt of prompts) {
    const positions = [...prompt.keys()].slice(0, -1);
    const logits = await graphs.prefill(prompt, new Float32Array(0), positions);
    for (const position of positions) {
      const row = logits.subarray(position * vocabSize, (position + 1) * vocabSize);
      losses.push(lossOf(row, prompt[position + 1] ?? assert.fail()));
      best.push(argmax(row));
    }
  }
  return { losses, best };
}

/** exp of the mean loss. */
export function perplexity({ losses }: TextScore): number {
  return Math.exp(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
}

/** Share of tokens whose most probable one is the reference's. */
export function agreement({ best }: TextScore, reference: TextScore): number {
  return best.filter((token, index) => token === reference.best[index]).length / best.length;
}

function lossOf(logits: Float32Array, token: number): number {
  const most = logits.reduce((largest, logit) => Math.max(largest, logit), -Infinity);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
  return most + Math.log(total) - (logits[token] ?? Number.NaN);
}
