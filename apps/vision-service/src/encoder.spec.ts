import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Size, Tile } from '@diptych/image';
import { GRAPH_FILE, GraphBuilder } from '@diptych/onnx-graph';
import fc from 'fast-check';
import { VisionEncoder } from './encoder.ts';

/** A tile whose channels hold 1, 2 and 3 times the value, the last pixel of each twice that. */
function tile(value: number, { width, height }: Size): Tile {
  const plane = width * height;
  const pixels = Float32Array.from({ length: 3 * plane }, (_, index) => {
    const channel = Math.floor(index / plane) + 1;
    return value * channel * (index % plane === plane - 1 ? 2 : 1);
  });
  return { width, height, pixels };
}

/** What the graph makes of that tile: two rows of the channels' first values and last ones. */
const featuresOf = (value: number) => [1, 2, 3, 2, 4, 6].map((factor) => factor * value);

/** An encoder over a graph that takes tiles of any size, or of the given one alone. */
async function loadEncoder(context: TestContext, only?: Size): Promise<VisionEncoder> {
  const folder = await mkdtemp(join(tmpdir(), 'vision-encoder-'));
  context.after(() => rm(folder, { recursive: true }));
  await cornersGraph(only).save(folder);
  const warmUpTile = only ?? { width: 8, height: 8 };
  const vision = { hiddenSize: 3, rowsPerTile: 2, warmUpTile, graphPath: join(folder, GRAPH_FILE) };
  return VisionEncoder.load(vision, { threads: 1 });
}

function cornersGraph(size: Size | undefined): GraphBuilder {
  const graph = new GraphBuilder({ name: 'corners' });
  const shape = (...dimensions: number[]) => graph.constant('int64', [dimensions.length], dimensions);
  const { width, height } = size ?? { width: 'width', height: 'height' };
  const pixels = graph.input('pixel_values', 'float32', ['tiles', 3, height, width]);
  const planes = graph.op('Reshape', [pixels, shape(0, 0, -1)]);
  const corners = graph.op('Gather', [planes, shape(0, -1)], { axis: 2 });
  const rows = graph.op('Transpose', [corners], { perm: [0, 2, 1] });
  graph.output(rows, 'image_features', { type: 'float32', shape: ['tiles', 2, 3] });
  return graph;
}

test('runs of every size follow each other, and each tile gets its own features', async (context) => {
  using encoder = await loadEncoder(context);
  const side = fc.integer({ min: 2, max: 40 });
  const size = fc.record({ width: side, height: side });
  await fc.assert(
    fc.asyncProperty(size, fc.array(fc.nat(99), { minLength: 1, maxLength: 2 }), async (tileSize, values) => {
      const features = await encoder.run(values.map((value) => tile(value, tileSize)));
      assert.deepEqual(
        features.map((each) => [...each]),
        values.map(featuresOf),
      );
    }),
  );
});

test('two usual tiles share a run; a larger one, as native aspect makes them, runs alone', async (context) => {
  using encoder = await loadEncoder(context);
  assert.equal(encoder.maxTiles({ width: 64, height: 64 }), 2);
  assert.equal(encoder.maxTiles({ width: 512, height: 512 }), 2);
  assert.equal(encoder.maxTiles({ width: 980, height: 378 }), 1);
  const large = { width: 980, height: 980 };
  assert.equal(encoder.maxTiles(large), 1);
  const [features] = await encoder.run([tile(7, large)]);
  assert.deepEqual([...(features ?? [])], featuresOf(7));
});

test('warms up with a tile that the graph takes', async (context) => {
  using encoder = await loadEncoder(context, { width: 10, height: 6 });
  await encoder.warmUp();
  await assert.rejects(encoder.run([tile(1, { width: 6, height: 10 })]), { code: 'runtime_failed' });
  const [features] = await encoder.run([tile(1, { width: 10, height: 6 })]);
  assert.deepEqual([...(features ?? [])], featuresOf(1), 'a run that failed leaves the encoder usable');
});

test('tiles of two sizes are no run, nor are two runs at once', async (context) => {
  using encoder = await loadEncoder(context);
  const [small, wide] = [tile(1, { width: 4, height: 4 }), tile(2, { width: 8, height: 4 })];
  await assert.rejects(encoder.run([small, wide]), assert.AssertionError);
  await assert.rejects(encoder.run([small, small, small]), assert.AssertionError);
  const first = encoder.run([small]);
  await assert.rejects(encoder.run([small]), assert.AssertionError);
  await first;
});
