import { loadSettings } from '@diptych/config';
import { runService } from '@diptych/rpc';
import { createLogger } from '@diptych/telemetry';
import { serveCheckpoint } from './serve-checkpoint.ts';
import { GATEWAY_SETTINGS, SERVICE_NAME } from './settings.ts';

const { settings } = loadSettings(GATEWAY_SETTINGS);
const logger = createLogger({ name: SERVICE_NAME, level: settings.logLevel });

await runService(SERVICE_NAME, logger, () => serveCheckpoint({ ...settings, logger }));
