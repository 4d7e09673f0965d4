// A process of its own that cannot start: for a coded reason where its argument is a code, else for any other.
import process from 'node:process';
import { DiptychError, isErrorCode } from '@diptych/errors';
import { createLogger } from '@diptych/telemetry';
import { runService } from '../run-service.ts';

const [, , code] = process.argv;
const logger = createLogger({ name: 'spec', level: 'silent' });
await runService('failing-service', logger, () => {
  if (isErrorCode(code)) throw new DiptychError(code, 'the file is missing');
  throw new Error('no memory\n  left');
});
