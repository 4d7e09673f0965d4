import { join } from 'node:path';
import { floatWeight, GraphBuilder, type WeightSource } from '../index.ts';

/** Weights of the graph that this process saves: together enough to be worth threads, and several notes of the journal. */
export const NAMES = Array.from({ length: 8 }, (_, index) => `w${index}`);

/** Rows and columns of each: 4 MB of bfloat16, 8 MB of float32. */
export const SHAPE = [1024, 2048] as const;

/**
 * A graph whose weights are bfloat16 files of a folder. Run as a process with two arguments, it saves the graph of the
 * first folder into the second and kills itself as soon as something is safe that is not everything.
 */
export function graphOf(folder: string): GraphBuilder {
  const graph = new GraphBuilder({ name: 'saved' });
  graph.output(
    graph.op(
      'Sum',
      NAMES.map((name) => floatWeight(graph, stored(folder, name))),
    ),
    'y',
  );
  return graph;
}

function stored(folder: string, name: string): WeightSource {
  const elements = SHAPE[0] * SHAPE[1];
  const part = {
    path: join(folder, `${name}.bin`),
    offset: 0,
    dtype: 'BF16',
    elements,
    tensor: name,
  } as const;
  return { name, shape: SHAPE, parts: [part] };
}

if (import.meta.main) {
  const [sources = '', target = ''] = process.argv.slice(2);
  await graphOf(sources).save(target, {
    onProgress: ({ safeBytes, totalBytes }) => {
      if (safeBytes > 0 && safeBytes < totalBytes) process.kill(process.pid, 'SIGKILL');
    },
  });
}
