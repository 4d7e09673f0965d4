import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { prepareImage, type Tile, type TileGrid } from '@diptych/image';
import { type LoadedModel, loadModel, type Model } from '@diptych/models';
import { largestDifference, meanDifference, throughFloat16 } from './compare.ts';
import { concat } from './concat.ts';
import { encodePrompt } from './encode-prompt.ts';
import {
  CASES,
  FIXTURES,
  type Fixture,
  type GoldenCase,
  readCase,
  readGoldenTensors,
  readWeightSums,
} from './fixtures.ts';
import { generateGreedily } from './generate-greedily.ts';
import { readPixels } from './read-pixels.ts';
import { Graphs } from './run-graphs.ts';

/** Features and logits are sums of float32 products in another order; a wrong weight or position moves them by far more. */
const TOLERANCE = 1e-3;

/**
 * Mean difference of normalised pixels, where one level of 255 is 0.0078. Decoding and resizing reproduce the reference
 * to the last bit here; another build of a JPEG decoder may be a level off now and then.
 */
const PIXEL_TOLERANCE = 1e-4;

/** What features sent as float16, which keeps 11 bits, may do to a logit: twice what was measured (4.0e-3). */
const FLOAT16_TOLERANCE = 8e-3;

for (const fixture of FIXTURES) {
  describe(fixture.name, () => {
    let model: LoadedModel;
    let graphs: Graphs;
    let home: string;

    before(async () => {
      home = await mkdtemp(join(tmpdir(), 'diptych-golden-'));
      model = await loadModel({ checkpointFolder: fixture.checkpoint, home });
      graphs = await Graphs.load(model);
    });
    after(async () => {
      graphs[Symbol.dispose]();
      await rm(home, { recursive: true });
    });

    test('the numbers were made from these weights', async () => {
      for (const [file, sum] of Object.entries(await readWeightSums(fixture))) {
        const weights = await readFile(join(fixture.checkpoint, file));
        assert.equal(
          createHash('sha256').update(weights).digest('hex'),
          sum,
          `${file} changed: run make_golden.py`,
        );
      }
    });

    test('all conversations in one batch give each the same tokens', async () => {
      const requests = CASES.map(async (name) => {
        const { inputIds, greedyIds } = await readCase(fixture, name);
        const { imageFeatures } = await readGoldenTensors(fixture, name);
        return { prompt: inputIds, features: concat(imageFeatures), count: greedyIds.length, greedyIds };
      });
      const all = await Promise.all(requests);
      assert.deepEqual(
        await generateGreedily(model, all),
        all.map(({ greedyIds }) => greedyIds),
      );
    });

    for (const name of CASES) describeCase(fixture, name, () => ({ model, graphs }));
  });
}

function describeCase(
  fixture: Fixture,
  name: string,
  loaded: () => { model: LoadedModel; graphs: Graphs },
): void {
  describe(name, () => {
    test('the prompt has the same ids', async () => {
      const golden = await readCase(fixture, name);
      assert.deepEqual(await encodePrompt(loaded().model, golden), golden.inputIds);
    });

    test('images are cut into the same tiles, of the same pixels', async (context) => {
      const golden = await readCase(fixture, name);
      for (const [index, { file, tileTokens, ...grid }] of golden.images.entries()) {
        const prepared = await prepare(loaded().model, join(fixture.images, file), golden);
        assert.deepEqual(prepared.grid, grid);
        assert.deepEqual(loaded().model.vision.countTokens(grid), tileTokens);
        const expected = await readPixels(
          { fixture, name, golden, index },
          planOf(loaded().model, golden, grid),
        );
        assert.deepEqual(prepared.tiles.map(sizeOf), expected.map(sizeOf));
        const error = meanDifference(pixelsOf(prepared.tiles), pixelsOf(expected));
        context.diagnostic(`${file}: mean pixel error ${error.toExponential(1)}`);
        assert.ok(error < PIXEL_TOLERANCE, `mean pixel error ${error}`);
      }
    });

    test('the same pixels give the same features', async (context) => {
      const golden = await readCase(fixture, name);
      const { imageFeatures } = await readGoldenTensors(fixture, name);
      const { model, graphs } = loaded();
      for (const [index, grid] of golden.images.entries()) {
        const tiles = await readPixels({ fixture, name, golden, index }, planOf(model, golden, grid));
        const features = await graphs.encode(tiles, grid);
        const error = largestDifference(features, imageFeatures[index] ?? assert.fail('no features'));
        context.diagnostic(`image ${index}: largest feature error ${error.toExponential(1)}`);
        assert.ok(error < TOLERANCE, `largest feature error ${error}`);
      }
    });

    test('what else is in its run changes no feature of a tile', async () => {
      const golden = await readCase(fixture, name);
      const { model, graphs } = loaded();
      for (const [index, grid] of golden.images.entries()) {
        const tiles = await readPixels({ fixture, name, golden, index }, planOf(model, golden, grid));
        const [first = assert.fail('no tiles')] = tiles;
        const other = { ...first, pixels: first.pixels.map((value) => -value) };
        const together = await graphs.encodeRun([other, first]);
        assert.deepEqual(together.subarray(together.length / 2), await graphs.encodeRun([first]));
      }
    });

    test('the same features give the same logits', async (context) => {
      const { inputIds, logitPositions } = await readCase(fixture, name);
      const { imageFeatures, logits } = await readGoldenTensors(fixture, name);
      const features = concat(imageFeatures);
      const error = largestDifference(
        await loaded().graphs.prefill(inputIds, features, logitPositions),
        logits,
      );
      context.diagnostic(`largest logit error ${error.toExponential(1)}`);
      assert.ok(error < TOLERANCE, `largest logit error ${error}`);
    });

    test('features sent as float16 change the logits little', async (context) => {
      const { inputIds, logitPositions } = await readCase(fixture, name);
      const { imageFeatures, logits } = await readGoldenTensors(fixture, name);
      const features = throughFloat16(concat(imageFeatures));
      const error = largestDifference(
        await loaded().graphs.prefill(inputIds, features, logitPositions),
        logits,
      );
      context.diagnostic(`largest logit error with float16 features ${error.toExponential(1)}`);
      assert.ok(error < FLOAT16_TOLERANCE, `largest logit error ${error}`);
    });

    test('from file to answer, greedy decoding gives the same tokens', async () => {
      const golden = await readCase(fixture, name);
      const { model, graphs } = loaded();
      const features = await Promise.all(
        golden.images.map(async ({ file }) => {
          const { tiles, grid } = await prepare(model, join(fixture.images, file), golden);
          return graphs.encode(tiles, grid);
        }),
      );
      const request = { prompt: golden.inputIds, features: concat(features), count: golden.greedyIds.length };
      assert.deepEqual(await generateGreedily(model, [request]), [golden.greedyIds]);
    });
  });
}

async function prepare(model: Model, file: string, { split }: GoldenCase) {
  return prepareImage(await readFile(file), (source) => model.vision.planImage(source, planOptions(split)));
}

function planOf(model: Model, { split }: GoldenCase, { sourceWidth, sourceHeight }: TileGrid) {
  return model.vision.planImage({ width: sourceWidth, height: sourceHeight }, planOptions(split));
}

function planOptions(split: boolean | null) {
  return split === null ? {} : { split };
}

function sizeOf({ width, height }: Tile) {
  return { width, height };
}

function pixelsOf(tiles: readonly Tile[]): Float32Array {
  return concat(tiles.map(({ pixels }) => pixels));
}
