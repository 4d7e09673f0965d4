import { type PartialSampling, Sampler, TokenHistory, validateSampling } from '@diptych/generation';
import type { MicroCase } from '../micro-case.ts';

const PARAMETERS: Readonly<Record<string, PartialSampling>> = {
  greedy: { temperature: 0 },
  temperature: { temperature: 0.7 },
  'top-k-50': { temperature: 0.7, topK: 50 },
  'top-p-0.9': { temperature: 0.7, topP: 0.9 },
  'min-p-0.05': { temperature: 0.7, minP: 0.05 },
  penalties: { temperature: 0, repetitionPenalty: 1.2, presencePenalty: 0.5 },
  'logprobs-5': { temperature: 0, logprobs: 5 },
};

/** SmolVLM's vocabulary, and one as large as those of recent models. */
const VOCABULARIES = [49_280, 150_000];

/** Rows that take turns, so that no row is in the nearest cache because it was just used. */
const ROWS = 16;

/** Standard deviation of the logits: flatter than a trained model's, so that filters keep much. */
const SPREAD = 3;

/** Tokens of prompt and answer that penalties look at. */
const HISTORY = 1_200;

/** One token from one row of logits. */
export const SAMPLER: readonly MicroCase[] = VOCABULARIES.flatMap((vocabSize) =>
  Object.entries(PARAMETERS).map(([name, sampling]) => samplerCase(name, vocabSize, sampling)),
);

function samplerCase(name: string, vocabSize: number, sampling: PartialSampling): MicroCase {
  return {
    name: `sampler/${name}/${vocabSize}`,
    prepare: () => {
      const sampler = new Sampler(vocabSize);
      const rows = Array.from({ length: ROWS }, (_, row) => normalRow(vocabSize, row));
      const parameters = validateSampling({ seed: 7n, ...sampling });
      const history = new TokenHistory(Array.from({ length: HISTORY }, (_, i) => (i * 977) % vocabSize));
      let index = 0;
      return {
        run: () => {
          index += 1;
          return sampler.sample(rows[index % ROWS] ?? new Float32Array(vocabSize), {
            parameters,
            history,
            index,
            banned: [],
          });
        },
      };
    },
  };
}

/** Normally distributed numbers by Box and Muller, from a linear congruential generator (Numerical Recipes). */
function normalRow(length: number, seed: number): Float32Array {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / (2 ** 32 + 1);
  };
  return Float32Array.from(
    { length },
    () => SPREAD * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}
