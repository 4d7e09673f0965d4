import { loadSettings } from '@diptych/config';
import { runService } from '@diptych/rpc';
import { createLogger } from '@diptych/telemetry';
import { startLmService } from './lm-service.ts';
import { LM_SETTINGS, SERVICE_NAME } from './settings.ts';

const { settings } = loadSettings(LM_SETTINGS);
const logger = createLogger({ name: SERVICE_NAME, level: settings.logLevel });

await runService(SERVICE_NAME, logger, () => startLmService({ ...settings, logger }));
