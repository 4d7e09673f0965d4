import { readFile } from 'node:fs/promises';
import { type GraphDigest, readGraph } from './read-graph.ts';

/** What one decode step has to read from memory. */
export interface StepBytes {
  /** Every weight that a product or norm reads whole. */
  readonly weights: number;
  /** All weights of the graph, tables included. */
  readonly stored: number;
  /** Keys and values of one position. */
  readonly cacheRow: number;
}

/**
 * Works out what a decode step must read, from a compiled language graph. Tables that only `Gather` reads (embeddings)
 * and the rotary tables give a row or two to a step, and are left out.
 */
export async function stepBytes(graphPath: string): Promise<StepBytes> {
  return stepBytesOf(readGraph(await readFile(graphPath)));
}

/** The same of a graph that was read. */
export function stepBytesOf({ weights, nodes, inputs }: GraphDigest): StepBytes {
  const readers = Map.groupBy(
    nodes.flatMap(({ op, inputs: names }) => names.map((name) => ({ op, name }))),
    ({ name }) => name,
  );
  const isRead = (name: string) =>
    !name.startsWith('rotary.') && (readers.get(name) ?? []).some(({ op }) => op !== 'Gather');
  const caches = inputs.filter(({ name }) => name.startsWith('past_'));
  return {
    weights: weights.reduce((sum, { name, bytes }) => sum + (isRead(name) ? bytes : 0), 0),
    stored: weights.reduce((sum, { bytes }) => sum + bytes, 0),
    cacheRow: caches.reduce((sum, { elementBytes, fixedElements }) => sum + elementBytes * fixedElements, 0),
  };
}
