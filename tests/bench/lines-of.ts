import type { Measurements } from './bench-report.ts';
import { type Line, type LineId, type Measured, toLines } from './lines.ts';
import type { PeerName } from './peers/peer-folders.ts';
import { median, medianRatio, percentile } from './statistics.ts';
import { type Comparison, type Sample, valuesOf } from './workloads/compare.ts';
import { loopDelayP99s } from './workloads/crowd.ts';

/** The lines of a run, from its raw samples. */
export function linesOf(run: Measurements): Line[] {
  const [, middle, long] = run.sizes.contexts;
  const values: Record<LineId, Measured> = {
    ttft_vs_transformersjs: against(run, 'transformersjs', 'one-tile'),
    ttft_vs_transformers: against(run, 'transformers', 'one-tile'),
    decode1200_vs_transformersjs: against(run, 'transformersjs', `context-${middle}`),
    decode1200_vs_transformers: against(run, 'transformers', `context-${middle}`),
    decode4000_vs_transformersjs: against(run, 'transformersjs', `context-${long}`),
    decode4000_vs_transformers: against(run, 'transformers', `context-${long}`),
    throughput16_vs_1: throughput(run),
    second_turn: median(run.secondTurn.map(({ firstMs, secondMs }) => firstMs / secondMs)),
    split_ttft: ratio(find(run, 'split-first-token'), 'diptych', 'embedded'),
    split_itl: ratio(find(run, 'split-between-tokens'), 'diptych', 'embedded'),
    itl_p99_under_prefill: underPrefill(run),
    event_loop_p99_ms: Math.max(...Object.values(loopDelayP99s(run.crowd))),
    decode_bandwidth: decodeBandwidth(run, middle),
    rss_ratio: rssRatio(run),
  };
  return toLines(values);
}

/** Bytes that a step at this context must read, at measured bandwidth, in milliseconds. */
export function readingMs({ limits: { step, bandwidth } }: Measurements, context: number): number {
  return ((step.weights + context * step.cacheRow) / median(bandwidth)) * 1000;
}

/** Share of the time between tokens at this context that reading takes; null where it was not measured. */
export function decodeBandwidth(run: Measurements, context: number): Measured {
  const ours = valuesOf(find(run, `context-${context}`), 'diptych');
  return ours ? readingMs(run, context) / median(ours) : { reason: 'decoding was not measured' };
}

/** Weights of the language graph that are read, and the cache rows in use: what memory is needed for at least. */
export function neededBytes({ limits: { step }, resident }: Measurements): number {
  return step.stored + resident.slots * resident.tokens * step.cacheRow;
}

function against(run: Measurements, peer: PeerName, id: string): Measured {
  const found = run.peers.find(({ name }) => name === peer);
  if (!found) return { reason: 'peers were not asked for' };
  if (found.skipped !== null) return { reason: found.skipped };
  return ratio(find(run, id), peer, 'diptych');
}

function ratio(comparison: Comparison, above: string, below: string, of?: keyof Sample): Measured {
  const [values, divisors] = [valuesOf(comparison, above, of), valuesOf(comparison, below, of)];
  return values && divisors ? medianRatio(values, divisors) : { reason: `${comparison.id} has no such pair` };
}

function find({ comparisons }: Measurements, id: string): Comparison {
  const comparison = comparisons.find((candidate) => candidate.id === id);
  if (!comparison) throw new Error(`the run has no comparison ${id}`);
  return comparison;
}

function throughput({ crowd: { tokensPerSecond } }: Measurements): Measured {
  const [one, many] = [tokensPerSecond[0], tokensPerSecond.at(-1)];
  if (!one || !many) return { reason: 'no clients were measured' };
  return medianRatio(many.samples, one.samples);
}

function underPrefill({ intruder: { undisturbed, disturbed } }: Measurements): Measured {
  return percentile(disturbed, 0.99) / median(undisturbed);
}

function rssRatio(run: Measurements): Measured {
  const { residentBytes } = run.resident;
  if (residentBytes === null) return { reason: 'this system does not tell what a process holds' };
  return residentBytes / neededBytes(run);
}
