import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** What to start. */
export interface JsonLinesOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** How much of what a process complains of is kept for the error that tells its end. */
const KEPT_COMPLAINT = 2_000;

/** A child process that answers each line of JSON with one: one question at a time. Owned by whoever started it. */
export class JsonLinesProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;
  #complaint = '';

  constructor({ command, args, env = process.env }: JsonLinesOptions) {
    this.#child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdout, stderr } = this.#child;
    if (!stdout || !stderr) throw new Error(`${command}: its output is not connected`);
    stderr.on('data', (data: Buffer) => {
      this.#complaint = (this.#complaint + data.toString()).slice(-KEPT_COMPLAINT);
    });
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    this.#closed = once(this.#child, 'close');
    const stop = () => this.#child.kill();
    process.once('exit', stop);
    void this.#closed.finally(() => process.off('exit', stop)).catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends a line and returns the answer's. */
  async ask<T>(question: object): Promise<T> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    return await this.read<T>();
  }

  /** The next line. Throws an error with the process's last words where it ended instead. */
  async read<T>(): Promise<T> {
    const line = await this.#lines.next();
    if (line.done) throw new Error(`a process of the benchmark ended: ${this.#complaint.trim()}`);
    return JSON.parse(line.value) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end();
    this.#child.kill();
    await this.#closed;
  }
}
