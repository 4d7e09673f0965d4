import type { ServiceName } from '@diptych/cli';
import { type ProcessUse, processUse } from './process-use.ts';

/** A line that a service logged while it started, and what it used until that moment. */
export interface LogEntry {
  readonly service: ServiceName;
  /** Seconds since the start began. */
  readonly seconds: number;
  readonly message: string;
  /** Whether it says how far something long has come. */
  readonly isProgress: boolean;
  readonly use: ProcessUse | null;
}

/** Collects what services log, each line with its time and what the process that wrote it uses. */
export class ServiceLog {
  readonly entries: LogEntry[] = [];
  readonly #begin = performance.now();

  /** Takes a line of a service's log, JSON or plain. */
  add(service: ServiceName, line: string): LogEntry {
    const { pid, msg, progress } = parse(line);
    const entry = {
      service,
      seconds: this.seconds(),
      message: typeof msg === 'string' ? msg : line,
      isProgress: progress === true,
      use: processUse(typeof pid === 'number' ? pid : undefined),
    };
    this.entries.push(entry);
    return entry;
  }

  /** Seconds since the log was made. */
  seconds(): number {
    return (performance.now() - this.#begin) / 1000;
  }

  /** When a service said that it serves. */
  servingAt(service: ServiceName): number | null {
    return this.#of(service).find(({ message }) => message === 'serving')?.seconds ?? null;
  }

  /** How long a service compiled, and what it held at most until then; null where it did not compile. */
  compiling(service: ServiceName): { readonly seconds: number; readonly peakBytes: number | null } | null {
    const entries = this.#of(service);
    const begin = entries.find(({ message }) => message.startsWith('Compiling'));
    const end = entries.find(({ message }) => message.startsWith('Compiled'));
    if (!begin || !end) return null;
    return { seconds: end.seconds - begin.seconds, peakBytes: end.use?.peak ?? null };
  }

  #of(service: ServiceName): readonly LogEntry[] {
    return this.entries.filter((entry) => entry.service === service);
  }
}

function parse(line: string): {
  readonly pid?: unknown;
  readonly msg?: unknown;
  readonly progress?: unknown;
} {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' && entry !== null ? entry : {};
  } catch {
    return {};
  }
}
