/**
 * Loaded into each service by the benchmark (`--import`): measures how long the event loop is held up, and writes what
 * it has seen since the last time to `DIPTYCH_BENCH_SCRATCH/loop-delay/PID.json` whenever SIGUSR2 asks.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** Node's default pause between two looks; it is part of what the histogram holds. */
const RESOLUTION_MS = 10;

const folder = process.env['DIPTYCH_BENCH_SCRATCH'];
if (isMainThread && folder !== undefined) measure(join(folder, 'loop-delay'));

function measure(into: string): void {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  mkdirSync(into, { recursive: true });
  process.on('SIGUSR2', () => {
    const path = join(into, `${process.pid}.json`);
    writeFileSync(`${path}.partial`, JSON.stringify({ p50: beyond(50), p99: beyond(99), max: beyond(100) }));
    histogram.reset();
    renameSync(`${path}.partial`, path);
  });
  /** Milliseconds of waiting beyond the pause. */
  const beyond = (percent: number) => Math.max(histogram.percentile(percent) / 1e6 - RESOLUTION_MS, 0);
}
