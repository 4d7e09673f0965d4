import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { BenchReport } from './bench-report.ts';
import { comparedTable, compareRuns } from './compare-runs.ts';
import { LINE_RULES } from './lines.ts';
import { benchTable } from './report/bench-table.ts';
import { benchPlot } from './report/plot.ts';
import { runBench } from './run-bench.ts';
import { findShape } from './shapes.ts';
import { loadLastRun, storeRun } from './stored-run.ts';
import { TINY_SIZES } from './workloads/sizes.ts';

const PEER_LINES = /_vs_transformers/;
const IS_LINUX = process.platform === 'linux';

suite('a run of the benchmark', () => {
  let home: string;
  let report: BenchReport;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'diptych-bench-'));
    // Its folder of peers is empty.
    delete process.env['DIPTYCH_BENCH_PYTHON'];
    report = await runBench({
      home,
      shape: findShape('tiny'),
      sizes: TINY_SIZES,
      weights: 'auto',
      peers: true,
      onProgress: () => undefined,
    });
  });
  after(() => rm(home, { recursive: true }));

  test('has a value for each line that needs no peer, and says why others have none', () => {
    assert.deepEqual(
      report.lines.map(({ id }) => id),
      Object.keys(LINE_RULES),
    );
    for (const { id, value, bound, holds, reason } of report.lines) {
      assert.equal(typeof bound, 'number');
      assert.equal(typeof holds, 'boolean');
      if (PEER_LINES.test(id)) assert.match(reason ?? '', /install it with npm run bench -- --peers/);
      else if (IS_LINUX || id !== 'rss_ratio') assert.ok(Number.isFinite(value), `${id} is ${String(value)}`);
    }
  });

  test('has the raw samples of every workload', () => {
    const answers = report.comparisons.flatMap(({ series }) => series.flatMap(({ samples }) => samples));
    assert.ok(answers.length > 0);
    assert.ok(answers.every(({ firstTokenMs, betweenTokensMs }) => firstTokenMs > 0 && betweenTokensMs > 0));
    const clients = report.crowd.tokensPerSecond.map((entry) => entry.clients);
    assert.deepEqual(clients, [1, 4, 16]);
    assert.ok(
      report.secondTurn.every(
        ({ cachedTokens, promptTokens }) => cachedTokens > 0 && cachedTokens < promptTokens,
      ),
    );
    assert.ok(report.intruder.disturbed.length > 0);
    assert.ok(report.limits.bandwidth.every((rate) => rate > 0));
  });

  test('becomes a table with a row for each line, and a plot with a group for each workload', () => {
    const text = benchTable(report);
    for (const id of Object.keys(LINE_RULES)) assert.ok(text.includes(`| \`${id}\` |`), id);
    assert.doesNotMatch(text, /NaN|undefined|Infinity/);
    const groups = report.comparisons.filter(({ id }) => !id.startsWith('split-'));
    assert.equal(benchPlot(report).match(/font-weight/g)?.length, groups.length);
  });

  test('is kept, and a later one is held against it', async () => {
    assert.equal(await loadLastRun(home, 'tiny'), undefined);
    await storeRun(home, report);
    const last = await loadLastRun(home, 'tiny');
    assert.deepEqual(last, JSON.parse(JSON.stringify(report)));
    const figures = compareRuns(report, slower(report, 1.5));
    assert.equal(figures.length, report.comparisons.length + 4);
    const slowed = figures.filter(({ slowdown }) => Math.abs(slowdown - 1.5) < 1e-9);
    assert.equal(slowed.length, report.comparisons.length);
    assert.equal(comparedTable(figures).match(/SLOWER/g)?.length, slowed.length);
  });
});

/** The same run with every compared answer slower. */
function slower(report: BenchReport, factor: number): BenchReport {
  const comparisons = report.comparisons.map((comparison) => ({
    ...comparison,
    series: comparison.series.map((series) => ({
      ...series,
      samples: series.samples.map(({ firstTokenMs, betweenTokensMs }) => ({
        firstTokenMs: firstTokenMs * factor,
        betweenTokensMs: betweenTokensMs * factor,
      })),
    })),
  }));
  return { ...report, comparisons };
}
