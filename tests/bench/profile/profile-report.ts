import type { NodeTime, NodeTimes } from './node-times.ts';

/** A profile with what was profiled, in words. */
export interface ProfileReport extends NodeTimes {
  readonly title: string;
}

/** Operators with less than this part of the time are summed up. */
const SMALL_SHARE = 0.005;

/** Two tables: by node group, and by operator. */
export function toMarkdown({ title, total, groups, ops }: ProfileReport): string {
  const large = ops.filter(({ share }) => share >= SMALL_SHARE);
  const small = ops.filter(({ share }) => share < SMALL_SHARE);
  const lines = [
    `${title}: ${total.toFixed(2)} ms in nodes`,
    '',
    ...table('group', groups),
    '',
    ...table('operator', small.length > 0 ? [...large, sumUp(small)] : large),
  ];
  return `${lines.join('\n')}\n`;
}

function table(kind: string, rows: readonly NodeTime[]): string[] {
  return [
    `| ${kind} | nodes | ms | share |`,
    '|---|---|---|---|',
    ...rows.map(
      ({ name, nodes, milliseconds, share }) =>
        `| ${name} | ${nodes} | ${milliseconds.toFixed(2)} | ${(100 * share).toFixed(1)} % |`,
    ),
  ];
}

function sumUp(rows: readonly NodeTime[]): NodeTime {
  const sum = (of: (row: NodeTime) => number) => rows.reduce((all, row) => all + of(row), 0);
  return {
    name: `${rows.length} others`,
    nodes: sum(({ nodes }) => nodes),
    milliseconds: sum(({ milliseconds }) => milliseconds),
    share: sum(({ share }) => share),
  };
}
