import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isComplaint, readable } from './log-line.ts';

/** The services that the command line starts. */
export type ServiceName = 'vision-service' | 'lm-service' | 'gateway';

/** How a service ended. */
export interface ServiceExit {
  readonly service: ServiceName;
  /** Exit code, or null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last warning or error that it wrote before it ended, empty where there was none. */
  readonly reason: string;
}

/** What a service prints when it is ready to serve. */
export interface Listening {
  /** The address it serves at: host:port, or a URL for the gateway's REST API. */
  readonly listening: string;
  /** The gateway's gRPC address. */
  readonly grpc?: string;
}

/** A service that could not start, or that ended before it was ready. */
export class ServiceStartError extends Error {
  override readonly name = 'ServiceStartError';
}

/**
 * One service as a child process. Owned by whoever started it, who must stop it; when this process exits before that,
 * the service is told to stop.
 */
export class ServiceProcess {
  readonly name: ServiceName;
  /** Settles when the process has ended, however it ended. */
  readonly exited: Promise<ServiceExit>;
  readonly #child: ChildProcess;
  readonly #listening: Promise<Listening>;
  #reason = '';

  /**
   * Starts `apps/<name>/bin.js` on this Node. `args` are its flags, `env` its whole environment; each line that
   * it logs goes to `onLine`.
   */
  constructor(
    name: ServiceName,
    options: {
      readonly args: readonly string[];
      readonly env: NodeJS.ProcessEnv;
      readonly onLine: (line: string) => void;
    },
  ) {
    this.name = name;
    this.#child = spawn(process.execPath, [entryOf(name), ...options.args], {
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#listening = this.#readListening();
    this.#readLog(options.onLine);
    const stop = () => this.#child.kill('SIGTERM');
    process.once('exit', stop);
    this.exited = once(this.#child, 'close').then(([code, signal]) => {
      process.off('exit', stop);
      return {
        service: name,
        code: code as number | null,
        signal: signal as NodeJS.Signals | null,
        reason: this.#reason,
      };
    });
  }

  /** Process id, for signals. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Waits for the line that says where it listens. Throws a ServiceStartError if it ends before that. */
  async listening(): Promise<Listening> {
    const ended = this.exited.then((exit) => {
      throw new ServiceStartError(describeExit(exit));
    });
    return await Promise.race([this.#listening, ended]);
  }

  /** Asks it to stop, and insists after `graceMs`. Resolves when it has ended. */
  async stop(graceMs: number): Promise<ServiceExit> {
    this.#child.kill('SIGTERM');
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(insist);
    }
  }

  #readListening(): Promise<Listening> {
    const { stdout } = this.#child;
    if (!stdout) throw new ServiceStartError(`${this.name}: its output is not connected`);
    return new Promise((resolve) => {
      createInterface({ input: stdout }).once('line', (line) => resolve(JSON.parse(line) as Listening));
    });
  }

  #readLog(onLine: (line: string) => void): void {
    const { stderr } = this.#child;
    if (!stderr) return;
    createInterface({ input: stderr }).on('line', (line) => {
      if (isComplaint(line)) this.#reason = readable(line);
      onLine(line);
    });
  }
}

/** One sentence that says which service ended and why. */
export function describeExit({ service, code, signal, reason }: ServiceExit): string {
  const how = signal ? `was ended by ${signal}` : `ended with code ${String(code)}`;
  return reason === '' ? `${service} ${how}` : `${service} ${how}: ${reason}`;
}

function entryOf(name: ServiceName): string {
  return fileURLToPath(import.meta.resolve(`@diptych/${name}/bin.js`));
}
