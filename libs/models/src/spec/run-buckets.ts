import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GRAPH_FILE, GraphBuilder } from '@diptych/onnx-graph';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { positionBuckets } from '../backbones/position-buckets.ts';

/** The position buckets of sides of so many patches, for a table of `trained` positions, as the graph works them out. */
export async function runBuckets(patches: readonly number[], trained: number): Promise<number[][]> {
  const graph = new GraphBuilder({ name: 'buckets' });
  const buckets = positionBuckets(graph, graph.input('patches', 'int64', [1]), trained);
  graph.output(buckets, 'buckets', { type: 'int64', shape: ['patches'] });
  const folder = await mkdtemp(join(tmpdir(), 'diptych-buckets-'));
  try {
    await graph.save(folder);
    const session = await InferenceSession.create(join(folder, GRAPH_FILE), { intraOpNumThreads: 1 });
    const found: number[][] = [];
    for (const count of patches) {
      const { buckets: output } = await session.run({
        patches: new Tensor('int64', BigInt64Array.of(BigInt(count)), [1]),
      });
      found.push(Array.from(output?.data as BigInt64Array, Number));
    }
    await session.release();
    return found;
  } finally {
    await rm(folder, { recursive: true });
  }
}
