// A process of its own whose service has not started yet, and never will.
import process from 'node:process';
import { createLogger } from '@diptych/telemetry';
import { type RunningService, runService } from '../run-service.ts';

const logger = createLogger({ name: 'spec', level: 'silent' });
await runService('starting-service', logger, () => {
  process.stdout.write('starting\n');
  process.stdin.resume();
  return new Promise<RunningService>(() => undefined);
});
