import { constants } from 'node:os';
import process from 'node:process';
import { toDiptychError } from '@diptych/errors';
import type { Logger } from '@diptych/telemetry';

/** A service that takes calls. */
export interface RunningService {
  /** Where it listens, `host:port`. */
  readonly address: string;
  /** Further addresses of it by name, told in the same line. */
  readonly others?: Readonly<Record<string, string>>;
  /** Ends it within its grace period. */
  stop(): Promise<void>;
}

/**
 * Makes this process a service: starts it, prints one JSON line with its address on standard output, and stops
 * it on SIGTERM or SIGINT with exit status 0; one that comes before it has started ends the process at once. Where it
 * cannot start, one line on standard error says why and the exit status is 1.
 */
export async function runService(
  name: string,
  logger: Logger,
  start: () => Promise<RunningService>,
): Promise<void> {
  const forget = endOnSignal();
  try {
    const service = await start();
    forget();
    for (const signal of SIGNALS) process.once(signal, () => void stop(service, logger));
    const line = { service: name, listening: service.address, ...service.others };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } catch (error) {
    const { code } = toDiptychError(error);
    if (code === 'internal') logger.fatal({ err: error }, 'start failed');
    process.stderr.write(`${name}: ${whyOf(error)} (${code})\n`);
    process.exit(1);
  }
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Ends the process on a signal, with the status that shells give one that was killed, until the result is called. The
 * first process of a container ignores what it does not listen to, and compiling may take an hour.
 */
function endOnSignal(): () => void {
  const end = (signal: (typeof SIGNALS)[number]) => process.exit(128 + constants.signals[signal]);
  for (const signal of SIGNALS) process.once(signal, end);
  return () => {
    for (const signal of SIGNALS) process.off(signal, end);
  };
}

/** What went wrong in one line, uncoded errors too: it is told to whoever starts the service, not to callers. */
function whyOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ');
}

async function stop(service: RunningService, logger: Logger): Promise<void> {
  logger.info('stopping');
  try {
    await service.stop();
    process.exit(0);
  } catch (error) {
    logger.fatal({ err: error }, 'stopping failed');
    process.exit(1);
  }
}
