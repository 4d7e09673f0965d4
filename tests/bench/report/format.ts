import type { Machine } from '../machine.ts';

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** `12.3 ms`, or seconds from ten of them on. */
export function milliseconds(value: number): string {
  return value < 10_000 ? `${value.toFixed(value < 100 ? 1 : 0)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** `1.23 GB`, `-` for what is not known. */
export function gigabytes(value: number | null): string {
  return value === null ? '-' : `${(value / 1e9).toFixed(2)} GB`;
}

/** `46 KB` or `165.1 MB`. */
export function bytes(value: number): string {
  return value < 1e6 ? `${(value / 1e3).toFixed(0)} KB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** One line that names a machine. */
export function machineLine({ cpu, cores, memoryBytes, system, node }: Machine): string {
  return `${cpu}, ${cores} cores, ${gigabytes(memoryBytes)}; ${system}, Node ${node}`;
}
