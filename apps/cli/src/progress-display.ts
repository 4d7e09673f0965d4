import { asLines, describeProgress, type PullListener, type PullProgress } from '@diptych/checkpoint';

/** What is written to: standard error, or what a spec gives. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Width of the bar itself; what it says needs the rest of a usual line. */
const BAR_WIDTH = 24;
const USUAL_COLUMNS = 80;

/** Back to the beginning of the line, and the rest of it cleared (ECMA-48). */
const CLEAR_LINE = '\r\u001b[K';

/**
 * Shows how a download goes: a bar on a terminal, with bytes, rate and time left, and plain lines elsewhere. Disposing it
 * leaves the line of the bar.
 */
export class ProgressDisplay implements Disposable {
  readonly listener: PullListener;
  readonly #output: ProgressOutput;
  #bar = '';

  constructor(output: ProgressOutput = process.stderr) {
    this.#output = output;
    this.listener = output.isTTY
      ? { onProgress: (progress) => this.#draw(progress), onMessage: (text) => this.#say(text) }
      : asLines((line) => output.write(`${line}\n`));
  }

  [Symbol.dispose](): void {
    if (this.#bar !== '') this.#output.write('\n');
    this.#bar = '';
  }

  #draw(progress: PullProgress): void {
    if (progress.totalBytes === 0) return;
    // A terminal wraps what fills its last column.
    const width = (this.#output.columns || USUAL_COLUMNS) - 1;
    this.#bar = `${barOf(progress)} ${describeProgress(progress)}`.slice(0, width);
    this.#output.write(`${CLEAR_LINE}${this.#bar}`);
  }

  /** A message takes the line of the bar, which moves on to the next one. */
  #say(text: string): void {
    this.#output.write(`${this.#bar === '' ? '' : CLEAR_LINE}${text}\n${this.#bar}`);
  }
}

function barOf({ doneBytes, totalBytes }: PullProgress): string {
  const filled = Math.max(0, Math.min(BAR_WIDTH, Math.floor((doneBytes / totalBytes) * BAR_WIDTH)));
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`;
}
