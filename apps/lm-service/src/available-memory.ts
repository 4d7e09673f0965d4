import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';

/**
 * Bytes that this process may still take: what is left of the limit of its container (cgroup), or else of the
 * machine's memory. Pages of files that are only kept for the next reader count as free; a container's own figure
 * counts them as used, so that it would have no memory left once a large model was read.
 */
export async function availableMemory(): Promise<number> {
  const limit = process.constrainedMemory();
  const free = process.availableMemory();
  if (limit === 0 || limit >= totalmem()) return free;
  const texts = await Promise.all(MEMORY_STATS.map((path) => readFile(path, 'utf8').catch(() => '')));
  return Math.min(limit, free + Math.max(...texts.map(filePages)));
}

/** Where a container sees what its memory is used for: cgroup version 2, then 1. */
const MEMORY_STATS = ['/sys/fs/cgroup/memory.stat', '/sys/fs/cgroup/memory/memory.stat'];

/** Bytes of pages of files, by the text of a cgroup's `memory.stat`. */
export function filePages(stat: string): number {
  const find = (name: string) => new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1];
  const bytes = (name: string) => Number(find(`total_${name}`) ?? find(name) ?? 0);
  return bytes('inactive_file') + bytes('active_file');
}
