/** pino's number of the level `warn`. */
const WARN = 40;

interface LogEntry {
  readonly level?: unknown;
  readonly msg?: unknown;
  readonly progress?: unknown;
}

/** The message of a JSON log line, or the line itself. */
export function readable(line: string): string {
  const { msg } = parse(line) ?? {};
  return typeof msg === 'string' ? msg : line;
}

/** True for warnings and errors, and for what a service says in plain words when it cannot start. */
export function isComplaint(line: string): boolean {
  const entry = parse(line);
  if (entry) return typeof entry.level === 'number' && entry.level >= WARN;
  return isWords(line);
}

/** True for progress that a person waits for, such as that of a compile. */
export function isProgress(line: string): boolean {
  return parse(line)?.progress === true;
}

/** False for what surrounds the message of an uncaught error: its stack, its fields, and the version of Node. */
function isWords(line: string): boolean {
  return !/^(\s|[{}]|Node\.js v|$)/.test(line);
}

function parse(line: string): LogEntry | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' && entry !== null ? entry : undefined;
  } catch {
    return undefined;
  }
}
