/**
 * The benchmark: our services beside the peers on one machine, the same weights and the same prompts.
 *
 *     npm run --silent bench
 *     npm run --silent bench -- --json > report.json
 *     npm run --silent bench -- --quick
 */
import { BENCH_HELP, type BenchFlags, readBenchFlags } from './bench-flags.ts';
import { comparedTable, compareRuns } from './compare-runs.ts';
import { installPeers } from './peers/install-peers.ts';
import { benchTable } from './report/bench-table.ts';
import { writeDocs } from './report/write-docs.ts';
import { runBench } from './run-bench.ts';
import { loadLastRun, storeRun } from './stored-run.ts';

// A process that a signal ends by itself leaves its children behind; one that exits stops them.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const flags = readBenchFlags(process.argv.slice(2));
if (flags.kind === 'help') process.stdout.write(BENCH_HELP);
else if (flags.kind === 'install') await installPeers(flags.home);
else await run(flags);

async function run(options: Extract<BenchFlags, { kind: 'run' }>): Promise<void> {
  const { home, quick, json, write } = options;
  const last = await loadLastRun(home, options.shape.name);
  const report = await runBench({
    ...options,
    onProgress: (message) => process.stderr.write(`${message}\n`),
  });
  if (!quick || !last) await storeRun(home, report);
  if (write) await writeDocs(report);
  if (json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  else process.stdout.write(benchTable(report));
  if (quick && last) process.stderr.write(comparedTable(compareRuns(last, report)));
}
