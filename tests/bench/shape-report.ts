import type { ServiceName } from '@diptych/cli';
import type { Turn } from './conversation.ts';
import type { Machine } from './machine.ts';
import type { ProcessUse } from './process-use.ts';
import type { LogEntry } from './service-log.ts';

/** Something for each service. */
export type PerService<T> = Readonly<Record<ServiceName, T>>;

/** An answer, and the time on processors that each service spent on it. */
export interface MeasuredTurn extends Turn {
  readonly cpuSeconds: PerService<number | null>;
}

/** What was measured of one shape in one weight format. Sizes are bytes; null is what the machine does not tell. */
export interface ShapeReport {
  readonly shape: string;
  readonly repository: string;
  readonly weights: string;
  readonly parameters: number;
  readonly checkpointBytes: number;
  /** The first start, from nothing to ready; null where an earlier run's result was used. */
  readonly compile: {
    readonly readySeconds: number;
    /** Of each service that compiled: its time, and what it held at most until it was done. */
    readonly services: PerService<{ readonly seconds: number; readonly peakBytes: number | null } | null>;
    readonly log: readonly LogEntry[];
  } | null;
  /** Size of the compiled graphs on the disk, by stage. */
  readonly compiledBytes: { readonly vision: number; readonly language: number };
  /** The second start, with nothing to compile. */
  readonly load: {
    readonly readySeconds: number;
    /** From the start until a service said that it serves. */
    readonly servingSeconds: PerService<number | null>;
    readonly use: PerService<ProcessUse | null>;
    readonly log: readonly LogEntry[];
  };
  readonly turns: readonly MeasuredTurn[];
  /** After the conversation. */
  readonly use: PerService<ProcessUse | null>;
  readonly machine: Machine;
}

const COLUMNS: readonly (readonly [string, (report: ShapeReport) => string])[] = [
  ['shape', ({ shape, parameters }) => `${shape}, ${(parameters / 1e9).toFixed(2)} B`],
  ['weights', ({ weights }) => weights],
  ['compile', ({ compile }) => (compile ? seconds(longest(compile.services)) : '-')],
  ['its peak', ({ compile }) => (compile ? gigabytes(highest(compile.services)) : '-')],
  ['on disk: vision, language', (report) => pair(report.compiledBytes.vision, report.compiledBytes.language)],
  ['load', ({ load }) => seconds(load.readySeconds)],
  ['resident after load: vision, language', ({ load }) => memoryPair(load.use, 'resident')],
  ['peak: vision, language', ({ use }) => memoryPair(use, 'peak')],
  ['prompt tokens (of images): turn 1, turn 2', ({ turns }) => turns.map(promptOf).join(', ')],
  [
    'first token: turn 1, turn 2',
    ({ turns }) => turns.map((turn) => seconds(turn.firstTokenSeconds)).join(', '),
  ],
  [
    'tokens/s: turn 1, turn 2',
    ({ turns }) => turns.map(({ tokensPerSecond }) => speed(tokensPerSecond)).join(', '),
  ],
];

/** A report as one row of a Markdown table, with the table's head and the machine before it. */
export function toMarkdown(report: ShapeReport): string {
  const { cpu, cores, memoryBytes, system, node } = report.machine;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `${cpu}, ${cores} cores, ${gigabytes(memoryBytes)}; ${system}, Node ${node}`,
    '',
    line(COLUMNS.map(([title]) => title)),
    line(COLUMNS.map(() => '---')),
    line(COLUMNS.map(([, cell]) => cell(report))),
    '',
  ].join('\n');
}

type Compiling = NonNullable<ShapeReport['compile']>['services'];

function longest(services: Compiling): number {
  return Object.values(services).reduce((sum, service) => Math.max(sum, service?.seconds ?? 0), 0);
}

function highest(services: Compiling): number | null {
  const peaks = Object.values(services).flatMap((service) => service?.peakBytes ?? []);
  return peaks.length === 0 ? null : Math.max(...peaks);
}

function memoryPair(use: PerService<ProcessUse | null>, field: 'resident' | 'peak'): string {
  return pair(use['vision-service']?.[field] ?? null, use['lm-service']?.[field] ?? null);
}

function pair(vision: number | null, language: number | null): string {
  return `${gigabytes(vision)}, ${gigabytes(language)}`;
}

function promptOf({ promptTokens, imageTokens }: Turn): string {
  return `${promptTokens} (${imageTokens})`;
}

function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

function speed(tokensPerSecond: number | null): string {
  return tokensPerSecond === null ? '-' : tokensPerSecond.toFixed(1);
}

function gigabytes(bytes: number | null): string {
  return bytes === null ? '-' : `${(bytes / 1e9).toFixed(2)} GB`;
}
