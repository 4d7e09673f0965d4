import { groupOf, type NodeGroup } from './node-groups.ts';

/** Time of a set of nodes in one run. */
export interface NodeTime {
  readonly name: string;
  /** Nodes of this kind that one run executes. */
  readonly nodes: number;
  /** Milliseconds of one run: the median over the runs. */
  readonly milliseconds: number;
  /** Part of all nodes' time, 0 to 1. */
  readonly share: number;
}

/** Where the time of a run goes. */
export interface NodeTimes {
  /** Milliseconds of all nodes of one run: the median over the runs. */
  readonly total: number;
  readonly groups: readonly NodeTime[];
  readonly ops: readonly NodeTime[];
}

/** What of ONNX Runtime's profile is read: a list of events in Chrome's trace format. */
interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args?: { readonly op_name?: string; readonly node_index?: string };
}

/** A node's execution in one run. */
interface NodeEvent {
  readonly op: string;
  readonly group: NodeGroup;
  readonly milliseconds: number;
}

/**
 * Sums up a profile of several runs of one graph, by node group and by operator, the most expensive first.
 *
 * @param trace Text of the file that ONNX Runtime wrote.
 * @param last Runs that count, from the end: those before them prepare and warm up.
 */
export function nodeTimes(trace: string, last: number): NodeTimes {
  const runs = splitRuns(JSON.parse(trace) as TraceEvent[]).slice(-last);
  const sums = runs.map((run) => sum(run));
  return {
    total: median(sums),
    groups: table(runs, ({ group }) => group),
    ops: table(runs, ({ op }) => op),
  };
}

/** The node events of each run. A run's own event ends it. */
function splitRuns(events: readonly TraceEvent[]): NodeEvent[][] {
  const runs: NodeEvent[][] = [];
  let current: TraceEvent[] = [];
  for (const event of events) {
    if (event.cat === 'Node' && event.name.endsWith('_kernel_time')) current.push(event);
    if (event.name !== 'model_run') continue;
    runs.push(nodeEvents(current));
    current = [];
  }
  return runs;
}

function nodeEvents(events: readonly TraceEvent[]): NodeEvent[] {
  const ops = events.map(({ args }) => args?.op_name ?? 'unknown');
  return events.map(({ dur }, index) => ({
    op: ops[index] ?? 'unknown',
    group: groupOf(ops, index),
    milliseconds: dur / 1000,
  }));
}

function table(runs: readonly NodeEvent[][], key: (event: NodeEvent) => string): NodeTime[] {
  const total = median(runs.map((run) => sum(run)));
  const names = new Set(runs.flatMap((run) => run.map(key)));
  const rows = [...names].map((name) => {
    const events = runs.map((run) => run.filter((event) => key(event) === name));
    const milliseconds = median(events.map((of) => sum(of)));
    return { name, nodes: events[0]?.length ?? 0, milliseconds, share: milliseconds / total };
  });
  return rows.toSorted((a, b) => b.milliseconds - a.milliseconds);
}

function sum(events: readonly NodeEvent[]): number {
  return events.reduce((all, { milliseconds }) => all + milliseconds, 0);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
