import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { SamplingSchema } from '@diptych/contract';
import { readSampling } from './read-sampling.ts';

type Init = MessageInitShape<typeof SamplingSchema>;

test('absent parameters stay absent, zeros are zeros', () => {
  assert.deepEqual(readSampling(undefined), create(SamplingSchema));
  const zeros = create(SamplingSchema, {
    temperature: 0,
    topK: 0,
    minP: 0,
    minTokens: 0,
    logprobs: 0,
    seed: 0n,
  });
  assert.deepEqual(readSampling(zeros), zeros);
});

const REFUSED: [Init, string][] = [
  [{ maxTokens: 0 }, 'max_tokens'],
  [{ minTokens: 3, maxTokens: 2 }, 'min_tokens'],
  [{ temperature: -0.1 }, 'temperature'],
  [{ topP: 0 }, 'top_p'],
  [{ topP: 1.1 }, 'top_p'],
  [{ minP: NaN }, 'min_p'],
  [{ repetitionPenalty: 0.009 }, 'repetition_penalty'],
  [{ repetitionPenalty: 100.1 }, 'repetition_penalty'],
  [{ presencePenalty: 2.1 }, 'presence_penalty'],
  [{ frequencyPenalty: -2.1 }, 'frequency_penalty'],
  [{ logprobs: 21 }, 'logprobs'],
  [{ logitBias: { 3: 101 } }, 'logit_bias[3]'],
  [{ stop: [''] }, 'stop'],
  [{ stop: Array<string>(17).fill('x') }, 'stop'],
  [{ stopTokenIds: Array<number>(1025).fill(1) }, 'stop_token_ids'],
];
for (const [init, field] of REFUSED) {
  test(`refuses ${JSON.stringify(init).slice(0, 60)}, naming ${field}`, () => {
    assert.throws(() => readSampling(create(SamplingSchema, init)), {
      code: 'invalid_parameter',
      param: `sampling.${field}`,
    });
  });
}
