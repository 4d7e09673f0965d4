import type { BenchReport } from './bench-report.ts';
import { median } from './statistics.ts';
import { valuesOf } from './workloads/compare.ts';

/** One of our figures in two runs. */
export interface ComparedFigure {
  readonly title: string;
  readonly unit: 'ms' | 'tokens/s';
  readonly before: number;
  readonly now: number;
  /** Time now against time before: above 1 it has become slower. */
  readonly slowdown: number;
}

/** From here on a slowdown is pointed out: what a quiet machine does not show by itself. */
const NOTABLE = 1.1;

/** Those of our figures that both runs have. */
export function compareRuns(before: BenchReport, now: BenchReport): ComparedFigure[] {
  const [old, fresh] = [figuresOf(before), figuresOf(now)];
  return fresh.flatMap(({ title, unit, value }) => {
    const known = old.find((figure) => figure.title === title);
    if (!known) return [];
    const slowdown = unit === 'ms' ? value / known.value : known.value / value;
    return [{ title, unit, before: known.value, now: value, slowdown }];
  });
}

/** The comparison for a terminal, each slowdown pointed out. */
export function comparedTable(figures: readonly ComparedFigure[]): string {
  const rows = figures.map(({ title, unit, before, now, slowdown }) => {
    const change = `${slowdown >= 1 ? '+' : ''}${((slowdown - 1) * 100).toFixed(0)} % time`;
    const mark = slowdown >= NOTABLE ? '  SLOWER' : '';
    return `${title.padEnd(48)} ${before.toFixed(1)} -> ${now.toFixed(1)} ${unit} (${change})${mark}`;
  });
  return ['', 'Beside the last stored run:', ...rows, ''].join('\n');
}

interface Figure {
  readonly title: string;
  readonly unit: ComparedFigure['unit'];
  readonly value: number;
}

function figuresOf({ comparisons, crowd, secondTurn }: BenchReport): Figure[] {
  const compared = comparisons.flatMap((comparison): Figure[] => {
    const values = valuesOf(comparison, 'diptych');
    return values
      ? [{ title: `${comparison.id}: ${comparison.title}`, unit: 'ms', value: median(values) }]
      : [];
  });
  const clients = crowd.tokensPerSecond.map((entry): Figure => {
    return { title: `${entry.clients} clients at once`, unit: 'tokens/s', value: median(entry.samples) };
  });
  const turn = median(secondTurn.map(({ secondMs }) => secondMs));
  return [...compared, ...clients, { title: 'second turn', unit: 'ms', value: turn }];
}
