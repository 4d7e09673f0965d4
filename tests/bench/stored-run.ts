import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BenchReport } from './bench-report.ts';

/** The last whole run of a shape in the bench's folder; undefined where there is none that can be read. */
export async function loadLastRun(home: string, shape: string): Promise<BenchReport | undefined> {
  try {
    return JSON.parse(await readFile(pathOf(home, shape), 'utf8')) as BenchReport;
  } catch {
    return undefined;
  }
}

/** Keeps a run as the last one. */
export async function storeRun(home: string, report: BenchReport): Promise<void> {
  const path = pathOf(home, report.shape);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.partial`, `${JSON.stringify(report, undefined, 2)}\n`);
  await rename(`${path}.partial`, path);
}

function pathOf(home: string, shape: string): string {
  return join(home, 'runs', `${shape}.json`);
}
