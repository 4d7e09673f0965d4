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
 * it on SIGTERM or SIGINT with exit status 0. Where it cannot start, one line on standard error says why and
 * the exit status is 1.
 */
export async function runService(
  name: string,
  logger: Logger,
  start: () => Promise<RunningService>,
): Promise<void> {
  try {
    const service = await start();
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => void stop(service, logger));
    const line = { service: name, listening: service.address, ...service.others };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } catch (error) {
    const { code } = toDiptychError(error);
    if (code === 'internal') logger.fatal({ err: error }, 'start failed');
    process.stderr.write(`${name}: ${whyOf(error)} (${code})\n`);
    process.exit(1);
  }
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
