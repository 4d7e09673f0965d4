import { loadSettings } from '@diptych/config';
import { runService } from '@diptych/rpc';
import { createLogger } from '@diptych/telemetry';
import { SERVICE_NAME, VISION_SETTINGS } from './settings.ts';
import { startVisionService } from './vision-service.ts';

const { settings } = loadSettings(VISION_SETTINGS);
const logger = createLogger({ name: SERVICE_NAME, level: settings.logLevel });

await runService(SERVICE_NAME, logger, () => startVisionService({ ...settings, logger }));
