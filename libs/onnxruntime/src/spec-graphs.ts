import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Session } from './session.ts';
import type { SessionOptions } from './session-options.ts';
import { encodeModel, type SpecGraph } from './spec-model.ts';

/** Side of the square matrices of `chain`: one product takes some milliseconds. */
export const CHAIN_SIDE = 512;

/** Runs `use` with a folder that is removed afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-onnxruntime-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Writes a graph into a folder and returns the file's path. */
export async function saveGraph(folder: string, graph: SpecGraph): Promise<string> {
  const path = join(folder, 'model.onnx');
  await writeFile(path, encodeModel(graph));
  return path;
}

/** Loads a graph through a file, which is gone afterwards. */
export async function loadGraph(
  graph: SpecGraph,
  options: SessionOptions = { intraOpThreads: 1 },
): Promise<Session> {
  return withFolder(async (folder) => Session.load(await saveGraph(folder, graph), options));
}

/** `sum = a + b`, all float32 of `[rows, 2]`. */
export function addition(): SpecGraph {
  const type = { type: 'float32', shape: ['rows', 2] } as const;
  return {
    inputs: [
      { name: 'a', ...type },
      { name: 'b', ...type },
    ],
    outputs: [{ name: 'sum', ...type }],
    nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['sum'] }],
  };
}

/**
 * A graph that runs for a while: `started = a + a`, then `length` products with `b`, one after the other, give
 * `product`. All float32 and square.
 */
export function chain(length: number): SpecGraph {
  const type = { type: 'float32', shape: [CHAIN_SIDE, CHAIN_SIDE] } as const;
  const value = (index: number): string =>
    index === 0 ? 'started' : index === length ? 'product' : `x${index}`;
  const products = Array.from({ length }, (_, index) => ({
    op: 'MatMul',
    inputs: [value(index), 'b'],
    outputs: [value(index + 1)],
  }));
  return {
    inputs: [
      { name: 'a', ...type },
      { name: 'b', ...type },
    ],
    outputs: [
      { name: 'started', ...type },
      { name: 'product', ...type },
    ],
    nodes: [{ op: 'Add', inputs: ['a', 'a'], outputs: ['started'] }, ...products],
  };
}
