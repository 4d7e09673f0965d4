import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { loadModel } from '@diptych/models';
import type { WeightFormat } from '@diptych/onnx-graph';
import { argmax } from '../golden/compare.ts';
import { concat } from '../golden/concat.ts';
import { CASES, FIXTURES, type Fixture, readCase, readGoldenTensors } from '../golden/fixtures.ts';
import { Graphs } from '../golden/run-graphs.ts';

/**
 * Largest root mean square error of logits, relative to that of the reference's logits. The checkpoints are tiny and
 * random, so that an error of a weight is averaged over a few dozen inputs only: bounds tell a wrong operator, scale or
 * row from rounding, not how good a format is (docs/weights.md does).
 */
const BOUNDS: Record<Exclude<WeightFormat, 'float32'>, number> = { float16: 0.01, int8: 0.06, int4: 0.4 };

for (const [format, bound] of Object.entries(BOUNDS)) {
  describe(`weights in ${format}`, () => {
    for (const fixture of FIXTURES) {
      test(`${fixture.name}: logits are the reference's, to rounding`, async (context) => {
        const { error, top1 } = await compare(fixture, format as WeightFormat);
        context.diagnostic(`relative error ${error.toFixed(4)}, top-1 agreement ${top1.toFixed(3)}`);
        assert.ok(error < bound, `relative error ${error}`);
      });
    }
  });
}

async function compare(fixture: Fixture, weights: WeightFormat) {
  const home = await mkdtemp(join(tmpdir(), 'diptych-formats-'));
  try {
    const model = await loadModel({ checkpointFolder: fixture.checkpoint, home, weights });
    using graphs = await Graphs.load(model);
    let [errors, squares, agreeing, rows] = [0, 0, 0, 0];
    for (const name of CASES) {
      const { inputIds, logitPositions } = await readCase(fixture, name);
      const { imageFeatures, logits } = await readGoldenTensors(fixture, name);
      const actual = await graphs.prefill(inputIds, concat(imageFeatures), logitPositions);
      errors += logits.reduce((sum, logit, index) => sum + (logit - (actual[index] ?? Number.NaN)) ** 2, 0);
      squares += logits.reduce((sum, logit) => sum + logit ** 2, 0);
      const width = logits.length / logitPositions.length;
      const row = (all: Float32Array, index: number) => all.subarray(index * width, (index + 1) * width);
      for (const index of logitPositions.keys())
        if (argmax(row(actual, index)) === argmax(row(logits, index))) agreeing++;
      rows += logitPositions.length;
    }
    return { error: Math.sqrt(errors / squares), top1: agreeing / rows };
  } finally {
    await rm(home, { recursive: true });
  }
}
