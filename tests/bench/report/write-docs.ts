import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '@diptych/testing';
import type { BenchReport } from '../bench-report.ts';
import { benchTable } from './bench-table.ts';
import { benchPlot } from './plot.ts';

const INTRODUCTION = `# Benchmarks

How long an answer takes here, beside what a Python or Node developer would use instead: the same machine, weights and prompts, ours and theirs in turn within one run. [\`tests/bench\`](../tests/bench/README.md) tells what each line means and how to run it; \`npm run bench -- --write\` writes this page.

![Time to first token and between tokens](benchmarks.svg)
`;

/** Writes \`docs/benchmarks.md\` and its plot from a run. */
export async function writeDocs(report: BenchReport): Promise<void> {
  await writeFile(join(ROOT, 'docs', 'benchmarks.md'), `${INTRODUCTION}\n${benchTable(report)}`);
  await writeFile(join(ROOT, 'docs', 'benchmarks.svg'), benchPlot(report));
}
