import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyPenalties, isNeutral, TokenHistory } from './penalties.ts';
import type { PartialSampling } from './sampling-parameters.ts';
import { validateSampling } from './validate-sampling.ts';

function penalised(logits: readonly number[], sampling: PartialSampling, history: TokenHistory): number[] {
  const result = Float32Array.from(logits);
  const parameters = validateSampling(sampling);
  assert.equal(isNeutral(parameters), false);
  applyPenalties(result, parameters, history);
  return [...result];
}

const LOGITS = [-1.125, -0.125, -0.25, -1, -1, -0.875, -0.125, 2.5];

test('repetition penalty and bias are those of transformers', () => {
  // RepetitionPenaltyLogitsProcessor(1.3) over ids [1, 3, 3, 6] in transformers 5.23, then the same after
  // SequenceBiasLogitsProcessor({(3,): 2.5, (5,): -4.0}).
  const history = new TokenHistory([1, 3], [3, 6]);
  assert.deepEqual(
    penalised(LOGITS, { repetitionPenalty: 1.3 }, history),
    [-1.125, -0.16249999403953552, -0.25, -1.2999999523162842, -1, -0.875, -0.16249999403953552, 2.5],
  );
  const logitBias = new Map([
    [3, 2.5],
    [5, -4],
  ]);
  assert.deepEqual(
    penalised(LOGITS, { repetitionPenalty: 1.3, logitBias }, history),
    [-1.125, -0.16249999403953552, -0.25, 1.1538461446762085, -1, -4.875, -0.16249999403953552, 2.5],
  );
});

test('presence and frequency penalties count generated tokens, not the prompt', () => {
  const history = new TokenHistory([0, 1, 1], [2]);
  history.add(3);
  history.add(3);
  assert.deepEqual(penalised([0, 0, 0, 0], { presencePenalty: 0.5 }, history), [0, 0, -0.5, -0.5]);
  assert.deepEqual(penalised([0, 0, 0, 0], { frequencyPenalty: 0.5 }, history), [0, 0, -0.5, -1]);
  assert.deepEqual(
    penalised([0, 0, 0, 0], { presencePenalty: -1, frequencyPenalty: 2 }, history),
    [0, 0, -1, -3],
  );
});

test('a generated token counts as seen for the repetition penalty', () => {
  const history = new TokenHistory([0]);
  history.add(1);
  assert.deepEqual(penalised([2, 2, 2], { repetitionPenalty: 2 }, history), [1, 1, 2]);
});

test('parameters without penalties are neutral', () => {
  assert.equal(isNeutral(validateSampling({ temperature: 0.3, topK: 4 })), true);
});
