import { percentile } from '../statistics.ts';
import type { MicroWork } from './micro-case.ts';

/** Time of one call in microseconds. */
export interface MicroTimes {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly samples: number;
}

/** How long to measure. */
export interface MicroEffort {
  /** Milliseconds of calls before anything counts: code is compiled meanwhile. */
  readonly warmUpMs: number;
  /** Milliseconds of calls that count. */
  readonly measureMs: number;
  /** Fewest samples, however long they take. */
  readonly minSamples: number;
}

/** A sample lasts about this long at least, as clocks and turns of the event loop would be measured else. */
const SAMPLE_MS = 1;

/** Measures one piece of work: samples of as many calls as fill a millisecond. */
export async function measureCase(work: MicroWork, effort: MicroEffort): Promise<MicroTimes> {
  const callMs = await callTime(work, effort.warmUpMs);
  const calls = work.settle ? 1 : Math.max(1, Math.round(SAMPLE_MS / callMs));
  const samples: number[] = [];
  for (let spent = 0; spent < effort.measureMs || samples.length < effort.minSamples; ) {
    const ms = await timeOf(work, calls);
    spent += ms;
    samples.push((ms * 1000) / calls);
  }
  const at = (share: number) => percentile(samples, share);
  return { median: at(0.5), p10: at(0.1), p90: at(0.9), samples: samples.length };
}

/** Milliseconds of a call, once it is warm. */
async function callTime(work: MicroWork, warmUpMs: number): Promise<number> {
  let last = await timeOf(work, 1);
  for (let spent = last; spent < warmUpMs; spent += last) last = await timeOf(work, 1);
  return Math.max(last, 1e-4);
}

async function timeOf({ run, settle }: MicroWork, calls: number): Promise<number> {
  const start = performance.now();
  for (let call = 0; call < calls; call++) {
    const result = run();
    if (!settle && result instanceof Promise) await result;
  }
  const ms = performance.now() - start;
  await settle?.();
  return ms;
}
